import { isLoopback, type RepositoryAddress } from '../jobs/repository.ts'

/** GitHub as configured: where its API is, and what opens it. */
export interface GitHubSettings {
  readonly apiUrl: string
  /** Empty: none. */
  readonly token: string
}

/** A repository is on GitHub when its host is github.com or the host of the API. */
export function isOnGitHub(address: RepositoryAddress, { apiUrl }: GitHubSettings): boolean {
  const apiHost = new URL(apiUrl).host
  const hosts = apiHost === 'api.github.com' ? ['github.com'] : ['github.com', apiHost]
  return address.scheme === 'ssh'
    ? hosts.map(withoutPort).includes(withoutPort(address.host))
    : hosts.includes(address.host)
}

const withoutPort = (host: string): string => host.replace(/:\d+$/, '')

/** The Authorization header for git; only for GitHub, and only where nobody on the way can read it. */
export function gitAuthorization(address: RepositoryAddress, settings: GitHubSettings): string | undefined {
  if (settings.token === '' || !isOnGitHub(address, settings)) return undefined
  const unreadable = address.scheme === 'https' || (address.scheme === 'http' && isLoopback(address))
  return unreadable ? `Basic ${Buffer.from(`x-access-token:${settings.token}`).toString('base64')}` : undefined
}
