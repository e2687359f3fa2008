import { allDone } from './all-done.ts'

/** How many at once: enough to keep a disk busy, few enough for the files a process may have open. */
const atOnce = 64

/** `Promise.all` for any number of values; when it rejects, nothing is at work any more. @returns in their order */
export async function inBatches<T, R>(values: readonly T[], work: (value: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (let at = 0; at < values.length; at += atOnce) {
    results.push(...(await allDone(values.slice(at, at + atOnce).map(work))))
  }
  return results
}
