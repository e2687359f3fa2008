/**
 * As Promise.all, but settles only when all have: where one fails, nothing is still at work on what is cleaned up next.
 */
export async function allDone<T extends readonly unknown[] | []>(
  promises: T,
): Promise<{ -readonly [P in keyof T]: Awaited<T[P]> }> {
  await Promise.allSettled(promises)
  return await Promise.all(promises)
}
