/** Where in a document something stands. */
type Path = readonly string[]
type Fields = Readonly<Record<string, unknown>>

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * `over` laid over `base`: objects are merged key by key, null takes a key away, lists at places that `isJoined` names
 * are joined (each entry once), everything else is replaced.
 */
export function merge(base: Fields, over: Fields, isJoined: (path: Path) => boolean, path: Path = []): Fields {
  const result: Record<string, unknown> = { ...base }
  for (const [key, value] of Object.entries(over)) {
    if (value === null) delete result[key]
    else result[key] = combine(result[key], value, isJoined, [...path, key])
  }
  return result
}

function combine(base: unknown, over: unknown, isJoined: (path: Path) => boolean, path: Path): unknown {
  // Laid over nothing, so that a null in it takes nothing away and does not stay, either.
  if (isFields(over)) return merge(isFields(base) ? base : {}, over, isJoined, path)
  if (Array.isArray(over) && Array.isArray(base) && isJoined(path)) return joined(base, over)
  return over
}

function joined(base: readonly unknown[], over: readonly unknown[]): unknown[] {
  const seen = new Set<string>()
  return [...base, ...over].filter(entry => {
    const text = JSON.stringify(entry)
    if (seen.has(text)) return false
    seen.add(text)
    return true
  })
}

/** `profile.yml` over `profile.yml`: a list says all there is. */
export const mergeProfiles = (base: Fields, over: Fields): Fields => merge(base, over, () => false)

/** `settings.json` over `settings.json`: what is allowed, denied and hooked is joined. */
export const mergeSettings = (base: Fields, over: Fields): Fields =>
  merge(base, over, ([group, , ...deeper]) => (group === 'permissions' || group === 'hooks') && deeper.length === 0)
