import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { processesWith } from '../../helpers/processes.ts'
import { until } from '../../helpers/until.ts'

/** A machine that does other work, too, may take long to start anything. */
const startMs = 60_000

/** Whether machines can be had that do not see each other's processes: by root alone. */
export const canSeparate: boolean = spawnSync('unshare', ['--pid', '--fork', '--mount-proc', 'true']).status === 0

export interface Program {
  /** As everything outside sees it. */
  readonly pid: number
  readonly stderr: ChildProcess['stderr']
  readonly isOver: boolean
  signal(name: NodeJS.Signals): void
  over(): Promise<void>
}

/**
 * A machine as far as processes go: what runs there sees nothing of the others', and all of it is gone at once when the
 * machine is. Where that cannot be had its processes are beside all others.
 */
export class Machine {
  /** Whatever runs here names it. */
  readonly #place: string
  #first: ChildProcess | undefined

  constructor(place: string) {
    this.#place = place
    this.#boot()
  }

  /** @throws Error when the program does not begin */
  async run(file: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<Program> {
    const how: SpawnOptions = { env: { ...env }, stdio: ['ignore', 'ignore', 'pipe'] }
    const first = this.#first?.pid
    if (first === undefined) return programOf(spawn(file, args, how))
    const inside = String(await firstChildOf(first))
    const entered = spawn('nsenter', ['--target', inside, '--pid', '--mount', '--', file, ...args], how)
    return programOf(entered, await firstChildOf(entered.pid))
  }

  /** Everything that runs here is gone. */
  async lose(): Promise<void> {
    const first = this.#first
    if (!first) return await endAll(this.#place)
    const gone = once(first, 'exit')
    process.kill(await firstChildOf(first.pid), 'SIGKILL')
    await gone
    this.#boot()
  }

  async close(): Promise<void> {
    await this.lose()
    this.#first?.kill('SIGKILL')
  }

  #boot(): void {
    if (!canSeparate) return
    // Its first process buries the orphans, and goes when we do, in whichever way.
    const args = ['--pid', '--fork', '--mount-proc', '--kill-child', 'bash', '-c', 'read -r _']
    this.#first = spawn('unshare', args, { stdio: ['pipe', 'ignore', 'ignore'] })
  }
}

/** @param inside the process itself, where `child` only waits for it */
function programOf(child: ChildProcess, inside = child.pid ?? 0): Program {
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null
  return {
    pid: inside,
    stderr: child.stderr,
    get isOver() {
      return isOver()
    },
    signal(name) {
      if (isOver()) return
      // Who waits for a process that stands still does so, too.
      if (child.pid !== inside && name !== 'SIGSTOP') child.kill('SIGCONT')
      signalIfThere(inside, name)
    },
    async over() {
      if (!isOver()) await once(child, 'exit')
    },
  }
}

async function firstChildOf(pid: number | undefined): Promise<number> {
  return await until(() => childrenOf(pid)[0], startMs)
}

function childrenOf(pid: number | undefined): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
}

async function endAll(place: string): Promise<void> {
  await until(() => {
    const left = processesWith(place)
    for (const pid of left) signalIfThere(pid, 'SIGKILL')
    return left.length === 0 || undefined
  })
}

function signalIfThere(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It is gone.
  }
}
