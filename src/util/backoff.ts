/**
 * How long to wait before the try after `failures` in a row: doubling from `baseMs` to `maxMs`, then a random part of
 * the upper half of that, so that many that failed together do not come back together.
 * @param random in [0, 1)
 */
export function backoffMs(failures: number, limits: { baseMs: number; maxMs: number }, random: number): number {
  const full = Math.min(limits.maxMs, limits.baseMs * 2 ** Math.max(0, failures))
  return Math.round(full / 2 + (full / 2) * random)
}
