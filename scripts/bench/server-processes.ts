import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')

export interface Served {
  readonly url: string
  /** What the process has in memory now, and had at most, in MiB. */
  memory(): { readonly now: number; readonly peak: number }
  stop(): Promise<void>
}

/** A daemon with a home of its own and a fast fake agent. */
export async function startDaemon(home: string, settings: Readonly<Record<string, string>>): Promise<Served> {
  mkdirSync(join(home, 'tmp'), { recursive: true })
  return await start([join(root, 'bin/agenticore'), 'serve', '--port', '0'], {
    PATH: process.env.PATH ?? '',
    HOME: home,
    TMPDIR: join(home, 'tmp'),
    AGENTICORE_CLAUDE_BINARY: join(root, 'test/chaos/daemon/agent'),
    AGENTICORE_AGENT_ISOLATION: 'none',
    AGENTICORE_LOG_FORMAT: 'json',
    AGENTICORE_MIN_FREE_DISK: '1MiB',
    ANTHROPIC_API_KEY: 'sk-ant-bench-0123456789',
    ...settings,
  })
}

const hello = `
import Fastify from 'fastify'
const server = Fastify()
server.get('/', async () => ({ hello: 'world' }))
console.error('listens at ' + await server.listen({ host: '127.0.0.1', port: 0 }))`

/** What fastify can do at best: one route that answers \`{"hello":"world"}\`. */
export const startHello = async (): Promise<Served> =>
  await start([process.execPath, '--input-type=module', '-e', hello], { PATH: process.env.PATH ?? '' })

async function start([file = '', ...args]: readonly string[], env: Record<string, string>): Promise<Served> {
  const child = spawn(file, args, { env, cwd: root, stdio: ['ignore', 'ignore', 'pipe'] })
  const url = await new Promise<string>((resolve, reject) => {
    let said = ''
    child.stderr.on('data', chunk => {
      if (said.includes('listens at http')) return
      said += String(chunk)
      const [, address] = /listens at (http:\/\/[^"\s]+)/.exec(said) ?? []
      if (address !== undefined) resolve(address)
    })
    child.once('exit', code => reject(new Error(`${file} ended with ${code}: ${said}`)))
  })
  return { url, memory: () => memoryOf(child), stop: () => stop(child) }
}

function memoryOf({ pid }: ChildProcess): { now: number; peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const mebi = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024
  return { now: mebi('VmRSS'), peak: mebi('VmHWM') }
}

/** As a second SIGTERM does: what runs is handed over. */
async function stop(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  const again = setInterval(() => child.kill('SIGTERM'), 500)
  await gone
  clearInterval(again)
}
