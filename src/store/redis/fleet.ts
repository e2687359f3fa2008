import type { Fleet, Pod, PodState } from '../../jobs/ports.ts'
import type { Boot } from './boot.ts'
import type { Connections } from './connections.ts'
import { lists, texts } from './replies.ts'

/** A pod that has not been heard of for so long is none. */
const forgottenMs = 300_000

/** The pods that share a queue, as each of them says it of itself now and then. */
export class RedisFleet implements Fleet {
  readonly #connections: Connections
  readonly #boot: Boot

  constructor(connections: Connections, boot: Boot) {
    this.#connections = connections
    this.#boot = boot
  }

  async beat({ version, capacity, startedAt, draining }: PodState): Promise<{ readonly drain: boolean }> {
    const { seen, work } = this.#connections
    const { podName, id } = this.#boot
    const about = JSON.stringify({ version, capacity, started_at: startedAt })
    const reply = await work.run('beat', podName, id, about, draining ? '1' : '', forgottenMs)
    const [epoch = '', rev = '', drains] = texts(reply)
    if (seen.note(epoch, Number(rev))) await work.run('distrust', seen.epoch, seen.rev, '')
    return { drain: drains === '1' }
  }

  async pods(): Promise<Pod[]> {
    const { ask, clock } = this.#connections
    const pods = lists(await ask.run('pods'))
    const now = clock.now().getTime()
    return pods.map(([name = '', bootId = '', about = '', silentMs = '', running = '', draining]) => ({
      name,
      bootId,
      ...aboutPod(about),
      running: Number(running),
      draining: draining === '1',
      lastHeartbeat: new Date(now - Number(silentMs)).toISOString(),
    }))
  }
}

function aboutPod(text: string): { version: string; capacity: number; startedAt: string } {
  const { version, capacity, started_at: startedAt } = { version: '', capacity: 0, started_at: '', ...parsed(text) }
  return { version: String(version), capacity: Number(capacity), startedAt: String(startedAt) }
}

function parsed(text: string): object {
  try {
    return Object(JSON.parse(text))
  } catch {
    return {}
  }
}
