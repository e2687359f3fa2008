import { AgenticoreError } from './errors.ts'

export type Scheme = 'https' | 'http' | 'ssh' | 'file'

/** Where a repository is, taken apart once; never with a secret in it. */
export interface RepositoryAddress {
  /** What git is given. */
  readonly url: string
  readonly scheme: Scheme
  /** With port where one was given; empty for a directory of this machine. */
  readonly host: string
  /** Without slashes around it and without `.git`: `owner/name`. */
  readonly path: string
  /** The same for all spellings of one repository; the clone cache is named by it. */
  readonly normalised: string
}

export interface RepositoryRules {
  /** Hosts that may be cloned from; empty: any. */
  readonly allowedHosts: readonly string[]
  /** Whether a path of this machine may be given. */
  readonly allowPaths: boolean
}

const schemes: Readonly<Record<string, Scheme>> = {
  'https:': 'https',
  'http:': 'http',
  'ssh:': 'ssh',
  'git+ssh:': 'ssh',
}
const scpLike = /^(?:([A-Za-z0-9_.~-]+)@)?([A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\]):(?!\/\/)(?!:)(.+)$/

/** @throws AgenticoreError `invalid_repo_url` */
export function parseRepository(text: string): RepositoryAddress {
  if (text === '' || /[\s\p{Cc}]/u.test(text))
    throw invalid(text, 'it is empty or contains white space or control characters')
  if (text.startsWith('-')) throw invalid(text, 'it looks like an option')
  if (/^[A-Za-z0-9+.-]+::/.test(text))
    throw invalid(text, 'transports that run a helper (ext:: and the like) are not used')
  if (text.startsWith('/'))
    return { url: text, scheme: 'file', host: '', path: trimPath(text), normalised: `file:/${trimPath(text)}` }
  return text.includes('://') ? parseUrl(text) : parseScp(text)
}

/** @throws AgenticoreError `invalid_repo_url`, `invalid_ref` */
export function checkRepository(url: string, ref: string, rules: RepositoryRules): void {
  if (url === '') {
    if (ref !== '') throw new AgenticoreError('invalid_ref', 'A base ref was given, but no repository.')
    return
  }
  const address = parseRepository(url)
  if (address.scheme === 'file' && !rules.allowPaths) throw invalid(url, 'paths of this machine are not served')
  if (address.host !== '' && rules.allowedHosts.length > 0 && !rules.allowedHosts.includes(hostName(address))) {
    throw invalid(url, `only these hosts are allowed: ${rules.allowedHosts.join(', ')} (AGENTICORE_ALLOWED_HOSTS)`)
  }
  if (ref !== '') checkRef(ref)
}

/**
 * The rules of git-check-ref-format(1), and no leading dash.
 * @throws AgenticoreError `invalid_ref`
 */
export function checkRef(ref: string): void {
  const parts = ref.split('/')
  const bad =
    ref.startsWith('-') ||
    /[\s\p{Cc}~^:?*[\\]|\.\.|@\{/u.test(ref) ||
    ref === '@' ||
    ref.endsWith('.') ||
    parts.some(part => part === '' || part.startsWith('.') || part.endsWith('.lock'))
  if (bad) throw new AgenticoreError('invalid_ref', `"${ref}" cannot be the name of a branch, a tag or a commit.`)
}

/** The host without its port. */
export const hostName = (address: RepositoryAddress): string => address.host.replace(/:\d+$/, '')

export const isLoopback = (address: RepositoryAddress): boolean =>
  /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostName(address))

function parseScp(text: string): RepositoryAddress {
  const [, user, host, path = ''] = scpLike.exec(text) ?? []
  // `name:secret@host/…` reads as a path on a host called "name".
  const hidesSecret = user === undefined && /^[^/]*@/.test(path)
  if (host === undefined || path.startsWith('-') || hidesSecret || trimPath(path) === '') {
    throw invalid(text, 'it is no https://, http://, ssh:// or user@host:path address and no absolute path')
  }
  return remote('ssh', `${user ?? 'git'}@${host}:${path}`, host.toLowerCase(), trimPath(path))
}

function parseUrl(text: string): RepositoryAddress {
  const parsed = URL.parse(text)
  const scheme = parsed && schemes[parsed.protocol]
  if (/^file:/i.test(text)) throw invalid(text, 'give the path itself instead of a file:// address')
  if (!parsed || !scheme) throw invalid(text, 'only https://, http:// and ssh:// addresses are used')
  if (parsed.password !== '' || (scheme !== 'ssh' && parsed.username !== '')) {
    throw new AgenticoreError('invalid_repo_url', 'The repository address carries a user name or a password.', {
      remedy:
        'Leave it out of the address, where it would be seen and kept; set GITHUB_TOKEN instead. Nothing was submitted.',
    })
  }
  if (parsed.search !== '' || parsed.hash !== '') throw invalid(text, 'it has a query or a fragment')
  if (!isPlainHost(text, parsed, scheme)) throw invalid(text, 'its host is not written plainly')
  const path = trimPath(decoded(parsed.pathname) ?? '')
  if (path === '' || parsed.hostname === '' || parsed.hostname.startsWith('-'))
    throw invalid(text, 'it names no repository')
  // git looks for a helper by the scheme's name as it is written.
  const url = text.replace(/^[^:]+/, name => name.toLowerCase())
  return remote(scheme, url, parsed.host.toLowerCase(), path)
}

/** git reads an address by rules of its own: only a host that both read alike is the one that was checked. */
function isPlainHost(text: string, parsed: URL, scheme: Scheme): boolean {
  const [, authority = ''] = /:\/\/([^/]*)/.exec(text) ?? []
  const host = authority.slice(authority.lastIndexOf('@') + 1).toLowerCase()
  const ports = { https: /:443$/, http: /:80$/, ssh: /$^/, file: /$^/ }
  if (/[%\\]|@.*@/.test(authority)) return false
  return host.replace(ports[scheme], '') === parsed.host.toLowerCase()
}

function decoded(pathname: string): string | undefined {
  try {
    return decodeURI(pathname)
  } catch {
    return undefined
  }
}

function remote(scheme: Scheme, url: string, host: string, path: string): RepositoryAddress {
  return { url, scheme, host, path, normalised: `${scheme}://${host}/${path}` }
}

const trimPath = (path: string): string => path.replace(/^\/+|\/+$/g, '').replace(/\/?\.git$/, '')

const invalid = (text: string, why: string): AgenticoreError =>
  new AgenticoreError('invalid_repo_url', `"${withoutSecret(text).slice(0, 200)}" is not used as a repository: ${why}.`)

/** What stands before an @ may be a password, unless it is plainly a user name of ssh; what follows a ? may be one, too. */
const withoutSecret = (text: string): string => {
  const plain = /^[A-Za-z0-9_.~-]+@/.test(text) ? text : text.replace(/^([A-Za-z0-9+.-]+:\/\/)?.*@/s, '$1***@')
  return plain.replace(/([?#]).*$/s, '$1***')
}
