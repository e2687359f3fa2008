import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const root = join(import.meta.dirname, '../..')

/** A server in a process of its own, from the moment it listens. */
export class Served {
  readonly port: number
  readonly #child: ChildProcess

  private constructor(port: number, child: ChildProcess) {
    this.port = port
    this.#child = child
  }

  static async hello(): Promise<Served> {
    return await Served.#start(process.execPath, [join(import.meta.dirname, 'hello.ts')], {})
  }

  /** Runs one job at a time with an agent that is at it for longer than anybody looks: whatever else is submitted waits. */
  static async agenticore(home: string): Promise<Served> {
    mkdirSync(join(home, 'tmp'), { recursive: true })
    const env = {
      HOME: home,
      TMPDIR: join(home, 'tmp'),
      AGENTICORE_CLAUDE_BINARY: join(root, 'test/fixtures/agents/goes-silent'),
      AGENTICORE_AGENT_ISOLATION: 'none',
      AGENTICORE_CONTROL_SOCKET: join(home, 'c.sock'),
      AGENTICORE_MAX_PARALLEL_JOBS: '1',
      ANTHROPIC_API_KEY: 'sk-ant-bench-0123456789',
    }
    return await Served.#start(join(root, 'bin/agenticore'), ['serve', '--port', '0'], env)
  }

  static async #start(file: string, args: string[], env: Record<string, string>): Promise<Served> {
    const child = spawn(file, args, {
      env: { PATH: process.env.PATH ?? '', ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const port = Promise.withResolvers<number>()
    child.once('exit', code => port.reject(new Error(`${file} ended with ${code}`)))
    // Read to the end: nobody holds up who writes the log.
    createInterface({ input: child.stderr }).on('line', line => {
      const [, found] = /listens at http:\/\/[^"\s]+:(\d+)/.exec(line) ?? []
      if (found !== undefined) port.resolve(Number(found))
      else if (!line.includes('"level":"info"')) console.error(line)
    })
    return new Served(await port.promise, child)
  }

  /** Resident memory in MiB. */
  get memory(): { readonly now: number; readonly peak: number } {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8')
    const of = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1]) / 1024
    return { now: of('VmRSS'), peak: of('VmHWM') }
  }

  /** What runs is handed over: the second signal says that there is hurry. */
  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit')
    const hurry = setInterval(() => this.#child.kill('SIGTERM'), 1000)
    this.#child.kill('SIGTERM')
    await ended
    clearInterval(hurry)
  }
}
