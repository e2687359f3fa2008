import { setTimeout as delay } from 'node:timers/promises'

/**
 * What `look` finds, soon after it finds something: what has taken long is looked at more rarely, since a look can cost
 * whoever is looked at more than what is waited for.
 * @throws after `limitMs`, which is there for what never comes: a loaded machine takes several times as long as usual
 */
export async function until<T>(look: () => T | undefined | Promise<T | undefined>, limitMs = 60_000): Promise<T> {
  const begin = performance.now()
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    const spent = performance.now() - begin
    if (spent > limitMs) break
    await delay(Math.min(Math.max(20, spent / 10), 500))
  }
  throw new Error(`It did not come about within ${limitMs} ms`)
}
