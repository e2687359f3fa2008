type Work<T> = (key: string) => Promise<T>

/** Whoever comes with a key that somebody is at work on gets that answer. */
export function joined<T>(work: Work<T>): Work<T> {
  const underWay = new Map<string, Promise<T>>()
  return key => {
    const found = underWay.get(key)
    if (found) return found
    const answer = work(key).finally(() => underWay.delete(key))
    underWay.set(key, answer)
    return answer
  }
}

/**
 * The same, where an answer has to be from after the call: one at a time is under way for a key, and all who come
 * meanwhile share the next one.
 */
export function joinedNext<T>(work: Work<T>): Work<T> {
  const waiting = new Map<string, Promise<T>>()
  const latest = new Map<string, Promise<T>>()
  const begin = async (key: string, before: Promise<T> | undefined): Promise<T> => {
    await before?.catch(() => undefined)
    waiting.delete(key)
    return await work(key)
  }
  return key => {
    const found = waiting.get(key)
    if (found) return found
    const answer = begin(key, latest.get(key)).finally(() => {
      if (latest.get(key) === answer) latest.delete(key)
    })
    waiting.set(key, answer)
    latest.set(key, answer)
    return answer
  }
}
