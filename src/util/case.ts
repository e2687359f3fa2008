/** `startedAt` ↔ `started_at` for the keys of one flat object; what the values hold stays as it is. */

export const snakeKey = remembered(key => key.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`))

export const camelKey = remembered(key => key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()))

/** The same object under other keys; entries whose value is undefined are left out. */
export function mapKeys(object: object, rename: (key: string) => string): Record<string, unknown> {
  const renamed: [string, unknown][] = []
  for (const [key, value] of Object.entries(object)) if (value !== undefined) renamed.push([rename(key), value])
  return Object.fromEntries(renamed)
}

/** Keys are the same few ones in every record; those of somebody else's making are not kept for ever. */
function remembered(rename: (key: string) => string): (key: string) => string {
  const most = 1000
  const known = new Map<string, string>()
  return key => {
    const found = known.get(key)
    if (found !== undefined) return found
    const name = rename(key)
    if (known.size < most) known.set(key, name)
    return name
  }
}
