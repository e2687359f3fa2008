import { createInterface } from 'node:readline'
import { execa } from 'execa'
import type { Place } from './place.ts'

interface Change {
  readonly replicas: number
  /** On `performance.now()`'s clock. */
  readonly atMs: number
}

/** Every number of replicas that a StatefulSet is told to have, as the API server says it: none is missed between two looks. */
export class Watched implements AsyncDisposable {
  readonly changes: Change[] = []
  readonly #watch
  readonly #started = performance.now()

  constructor(place: Place, name = 'agenticore') {
    const args = ['get', 'statefulset', name, '--watch', '--output=jsonpath={.spec.replicas}{"\\n"}']
    this.#watch = execa('kubectl', ['--namespace', place.namespace, ...args], { reject: false, buffer: false })
    createInterface({ input: this.#watch.stdout }).on('line', line => this.#note(Number(line)))
  }

  get now(): number | undefined {
    return this.changes.at(-1)?.replicas
  }

  /** One after the other, since then. */
  since(atMs: number): number[] {
    const before = this.changes.findLast(change => change.atMs < atMs)
    const after = this.changes.filter(change => change.atMs >= atMs)
    return [...(before ? [before] : []), ...after].map(({ replicas }) => replicas)
  }

  /** `1 (0 s) → 7 (16 s)` */
  get path(): string {
    return this.changes
      .map(({ replicas, atMs }) => `${replicas} (${Math.round((atMs - this.#started) / 1000)} s)`)
      .join(' → ')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watch.kill()
    await this.#watch
  }

  #note(replicas: number): void {
    if (replicas !== this.now) this.changes.push({ replicas, atMs: performance.now() })
  }
}
