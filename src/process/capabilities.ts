import { existsSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { hasCode } from '../util/error-code.ts'

/** Their bits in Linux's capability sets, capabilities(7). */
const bits = { CHOWN: 0n, KILL: 5n, SETGID: 6n, SETUID: 7n } as const

export type Capability = keyof typeof bits

/** Which of those that a user of its own for each agent takes this process does not have; all of them where there is no Linux. */
export async function missingCapabilities(): Promise<Capability[]> {
  const names: Capability[] = ['SETUID', 'SETGID', 'KILL', 'CHOWN']
  const effective = await effectiveSet()
  return names.filter(name => ((effective >> bits[name]) & 1n) === 0n)
}

const effectiveSet = async (): Promise<bigint> => setIn('CapEff', await statusOfOurs())

/** Handed on to every program that this process starts. */
export const ambientCapabilities = (): bigint =>
  setIn('CapAmb', existsSync(statusFile) ? readFileSync(statusFile, 'utf8') : '')

const statusFile = '/proc/self/status'

const setIn = (name: string, status: string): bigint =>
  BigInt(`0x${new RegExp(`^${name}:\\s*([0-9a-f]+)$`, 'm').exec(status)?.[1] ?? '0'}`)

async function statusOfOurs(): Promise<string> {
  try {
    return await readFile(statusFile, 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return ''
    throw error
  }
}
