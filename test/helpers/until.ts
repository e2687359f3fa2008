import { setTimeout as delay } from 'node:timers/promises'

/** What `look` finds, as soon as it finds something. @throws after `limitMs` */
export async function until<T>(look: () => T | undefined | Promise<T | undefined>, limitMs = 20_000): Promise<T> {
  const end = performance.now() + limitMs
  while (performance.now() < end) {
    const found = await look()
    if (found !== undefined) return found
    await delay(20)
  }
  throw new Error(`It did not come about within ${limitMs} ms`)
}
