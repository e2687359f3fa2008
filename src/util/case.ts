/** `startedAt` ↔ `started_at` for the keys of one flat object; what the values hold stays as it is. */

export const snakeKey = (key: string): string => key.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)

export const camelKey = (key: string): string => key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())

/** The same object under other keys; entries whose value is undefined are left out. */
export function mapKeys(object: object, rename: (key: string) => string): Record<string, unknown> {
  const kept = Object.entries(object).filter(([, value]) => value !== undefined)
  return Object.fromEntries(kept.map(([key, value]) => [rename(key), value]))
}
