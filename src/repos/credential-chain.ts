import type { FindCredential, Lookup } from '../jobs/credentials.ts'
import { isPrivateWay } from '../jobs/credentials.ts'

/** The sources one after the other, up to the first that has one; none of them for an address that is no place for it. */
export function firstOf(sources: readonly FindCredential[]): FindCredential {
  return async (address, signal) => {
    if (!isPrivateWay(address)) return { kind: 'none', why: `none is sent over ${address.scheme}` }
    const reasons: string[] = []
    for (const find of sources) {
      const lookup = await find(address, signal)
      if (lookup.kind === 'found') return lookup
      reasons.push(lookup.why)
    }
    return { kind: 'none', why: reasons.filter(Boolean).join(', ') }
  }
}

/**
 * The same source, asked once for each repository: a helper may tell those of one origin apart.
 * @param learn is told a credential before anybody gets to use it
 */
export function askedOnce(find: FindCredential, learn: (lookup: Lookup) => void): FindCredential {
  const asked = new Map<string, Promise<Lookup>>()
  return async (address, signal) => {
    const { normalised } = address
    const ask = async (): Promise<Lookup> => {
      try {
        const lookup = await find(address, signal)
        learn(lookup)
        return lookup
      } catch (error) {
        asked.delete(normalised)
        throw error
      }
    }
    for (;;) {
      const earlier = asked.get(normalised)
      const asking = earlier ?? ask()
      asked.set(normalised, asking)
      try {
        return await asking
      } catch (error) {
        // Whoever asked first has given up; we have not.
        if (earlier === undefined || signal.aborted) throw error
      }
    }
  }
}
