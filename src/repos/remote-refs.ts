import { AgenticoreError } from '../jobs/errors.ts'
import type { RepositoryAddress } from '../jobs/repository.ts'
import type { Git } from './git.ts'
import { lsRefs } from './ls-refs.ts'
import { readError } from './origin-errors.ts'

/** What the origin says, in one round trip, about everything a job needs to know before it starts. */
export interface RemoteState {
  /** The commit to start from. */
  readonly tip: string
  /** Where a pull request goes: the base ref if it is a branch, else the default branch. */
  readonly baseBranch: string
  /** The base ref as a name to show: the default branch where none was asked for. */
  readonly baseRef: string
  /** The job's own branch, where an earlier attempt pushed it. */
  readonly pushed?: string
}

const commitId = /^[0-9a-f]{40}$/

/** @throws AgenticoreError `origin_*`, `repository_empty`, `ref_not_found` */
export async function readRemote(
  git: Git,
  remote: RepositoryAddress,
  wanted: { baseRef: string; branch: string; signal: AbortSignal },
): Promise<RemoteState> {
  const { branch, signal } = wanted
  const baseRef = plainName(wanted.baseRef)
  const refs = await listRefs(git, remote, { names: [...refsFor(baseRef), `refs/heads/${branch}`], signal })
  const pushed = refs.shas.get(`refs/heads/${branch}`)
  const tip = baseRef === '' ? refs.shas.get('HEAD') : tipOf(baseRef, refs.shas)
  if (tip === undefined) throw missing(remote, baseRef)
  const isBranch = refs.shas.has(`refs/heads/${baseRef}`)
  const baseBranch = isBranch ? baseRef : refs.defaultBranch
  return { tip, baseBranch, baseRef: baseRef || refs.defaultBranch, ...(pushed === undefined ? {} : { pushed }) }
}

/** People paste commit ids in capitals, and branches with all of their names. */
const plainName = (ref: string): string =>
  /^[0-9a-f]{40}$/i.test(ref) ? ref.toLowerCase() : ref.replace(/^refs\/(heads|tags)\//, '')

const refsFor = (ref: string): string[] =>
  ref === '' || commitId.test(ref) ? [] : [`refs/heads/${ref}`, `refs/tags/${ref}`, `refs/tags/${ref}^{}`]

function tipOf(ref: string, shas: ReadonlyMap<string, string>): string | undefined {
  if (commitId.test(ref)) return ref
  return shas.get(`refs/heads/${ref}`) ?? shas.get(`refs/tags/${ref}^{}`) ?? shas.get(`refs/tags/${ref}`)
}

interface Refs {
  readonly shas: ReadonlyMap<string, string>
  /** Empty when HEAD is no branch, or the repository has none. */
  readonly defaultBranch: string
}

interface RefQuery {
  readonly names: readonly string[]
  readonly signal: AbortSignal
}

async function listRefs(git: Git, remote: RepositoryAddress, query: RefQuery): Promise<Refs> {
  const rows = (await askDirectly(git, remote, query)) ?? (await askGit(git, remote, query))
  if (rows.some(([sha = '']) => /^[0-9a-f]{64}$/.test(sha))) {
    throw new AgenticoreError('git_failed', `${remote.url} names its objects by SHA-256, which is not supported.`)
  }
  const shas = new Map(rows.flatMap(([sha, name]) => (sha && name && commitId.test(sha) ? [[name, sha]] : [])))
  const symref = rows.find(([target, name]) => name === 'HEAD' && target?.startsWith('ref: refs/heads/'))
  return { shas, defaultBranch: symref?.[0]?.slice('ref: refs/heads/'.length) ?? '' }
}

/** Undefined where git has to be asked; also for a repository without a HEAD, of which it can say more. */
async function askDirectly(git: Git, remote: RepositoryAddress, { names, signal }: RefQuery) {
  const direct = await git.direct(remote, signal)
  const rows = direct && (await lsRefs(remote, { names: ['HEAD', ...names], ...direct, signal }))
  return rows?.some(([, name]) => name === 'HEAD') ? rows : undefined
}

async function askGit(git: Git, remote: RepositoryAddress, { names, signal }: RefQuery) {
  const args = ['ls-remote', '--symref', '--end-of-options', remote.url, 'HEAD', ...names]
  const result = await git.try({ args, remote, signal })
  if (!result.ok) throw readError(remote, result)
  return result.stdout.split('\n').map(line => line.split('\t'))
}

function missing(remote: RepositoryAddress, baseRef: string): AgenticoreError {
  if (baseRef === '') {
    return new AgenticoreError('repository_empty', `${remote.url} has no commit on its default branch.`)
  }
  const hint = /^[0-9a-f]{4,39}$/i.test(baseRef) ? ' A commit needs all 40 digits of its id.' : ''
  return new AgenticoreError('ref_not_found', `${remote.url} has no branch or tag "${baseRef}".${hint}`)
}
