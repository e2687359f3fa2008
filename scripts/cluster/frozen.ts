import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Place } from './place.ts'
import { ran } from './run.ts'

/** A node that stands still: kubelet, and every process of a pod. */
export class Frozen {
  readonly #container: string

  private constructor(container: string) {
    this.#container = container
  }

  static async with(place: Place, pod: string): Promise<Frozen> {
    const id = (await place.field(`pod/${pod}`, '.status.containerStatuses[0].containerID')).replace(/.*\/\//, '')
    await signal('STOP')
    for (const pid of processesOf(id)) process.kill(pid, 'SIGSTOP')
    return new Frozen(id)
  }

  async thaw(): Promise<void> {
    for (const pid of processesOf(this.#container)) process.kill(pid, 'SIGCONT')
    await signal('CONT')
  }
}

const signal = (name: string): Promise<string> =>
  ran(join(process.env.CLUSTER ?? '../shared/cluster', 'signal'), [name, 'kubelet'])

/** This machine sees the processes of the node's containers. */
function processesOf(container: string): number[] {
  const pids = readdirSync('/proc').filter(name => /^\d+$/.test(name))
  return pids.map(Number).filter(pid => {
    try {
      return readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(container)
    } catch {
      return false
    }
  })
}
