import { existsSync, readdirSync, readFileSync } from 'node:fs'

/** The processes whose environment or command line holds one of `texts`, this one left out. */
export function processesWith(...texts: readonly string[]): number[] {
  const pids = readdirSync('/proc').filter(name => /^\d+$/.test(name))
  const fits = (pid: number): boolean => {
    const all = read(pid, 'environ', 'cmdline')
    return texts.some(text => all.includes(text))
  }
  return pids.map(Number).filter(pid => pid !== process.pid && fits(pid))
}

const read = (pid: number, ...names: string[]): string => names.map(name => readOr(`/proc/${pid}/${name}`)).join('\0')

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

export const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}`)
