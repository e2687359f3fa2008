import type { FindCredential } from '../jobs/credentials.ts'
import { parseRepository, type RepositoryAddress } from '../jobs/repository.ts'

/** GitHub as configured: where its API is. */
export interface GitHubSettings {
  readonly apiUrl: string
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

/** Where the GitHub of the API serves git, for a repository `owner/name`. */
export function gitHubAddress(ownerAndName: string, { apiUrl }: GitHubSettings): RepositoryAddress {
  const { host, origin } = new URL(apiUrl)
  const where = host === 'api.github.com' ? 'https://github.com' : origin
  return parseRepository(`${where}/${encodeURI(ownerAndName)}.git`)
}

/** Whether that API is the one for a repository. */
export function isOfApi(address: RepositoryAddress, settings: GitHubSettings): boolean {
  const { host } = gitHubAddress(address.path, settings)
  return address.scheme === 'ssh' ? withoutPort(address.host) === withoutPort(host) : address.host === host
}

/** GITHUB_TOKEN, for GitHub alone. @param token empty: there is none */
export function gitHubToken(token: string, settings: GitHubSettings): FindCredential {
  return async address => {
    if (!isOnGitHub(address, settings)) return { kind: 'none', why: 'GITHUB_TOKEN serves GitHub alone' }
    if (token === '') return { kind: 'none', why: 'GITHUB_TOKEN is not set' }
    return { kind: 'found', credential: { username: 'x-access-token', password: token, source: 'GITHUB_TOKEN' } }
  }
}
