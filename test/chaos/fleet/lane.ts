import { setTimeout as delay } from 'node:timers/promises'

/** What goes wrong, by name; each resolves when it is mended. */
export type Kinds = Readonly<Record<string, () => Promise<void>>>

export interface LaneParts {
  readonly everyMs: number
  readonly signal: AbortSignal
  /** In [0, 1). */
  random(): number
  made(name: string): void
}

/** One thing after the other goes wrong, until the signal aborts. */
export async function lane(kinds: Kinds, { everyMs, signal, random, made }: LaneParts): Promise<void> {
  const names = Object.keys(kinds)
  while (!signal.aborted) {
    await delay(everyMs * (0.5 + random()), undefined, { signal }).catch(() => undefined)
    const name = names[Math.floor(random() * names.length)] ?? ''
    if (signal.aborted) return
    made(name)
    await kinds[name]?.()
  }
}
