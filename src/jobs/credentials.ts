import { isLoopback, type RepositoryAddress } from './repository.ts'

/** What opens an origin. Both parts are sent together; the password, and the pair, are secrets. */
export interface Credential {
  readonly username: string
  readonly password: string
  /** Where it is from, as it reads after "refused". */
  readonly source: string
}

/** A credential, or in words why there is none: "`git credential` has none". */
export type Lookup =
  | { readonly kind: 'found'; readonly credential: Credential }
  | { readonly kind: 'none'; readonly why: string }

/** Rejects only when `signal` aborts, with its reason. */
export type FindCredential = (address: RepositoryAddress, signal: AbortSignal) => Promise<Lookup>

/** User name and password as HTTP's Basic scheme sends them (RFC 7617), without the scheme's name. */
export const basicPair = ({ username, password }: Credential): string =>
  Buffer.from(`${username}:${password}`).toString('base64')

/** Whether a credential can be sent there and nobody on the way can read it. */
export const isPrivateWay = (address: RepositoryAddress): boolean =>
  address.scheme === 'https' || (address.scheme === 'http' && isLoopback(address))

/** Which credential a host that refuses was asked with; one that finds nothing may only hide it. */
export function refusalOf(host: string, lookup: Lookup, how: 'refused' | 'not found'): string {
  if (lookup.kind === 'none') return `no credential was found for ${host}: ${lookup.why}`
  const { source } = lookup.credential
  return how === 'refused' ? `${host} refused ${source}` : `${host} has no such repository for ${source}`
}
