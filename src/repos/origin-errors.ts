import { refusalOf } from '../jobs/credentials.ts'
import { AgenticoreError, type ErrorCode } from '../jobs/errors.ts'
import type { RepositoryAddress } from '../jobs/repository.ts'
import { type GitResult, lastLines } from './git.ts'

/** What git said, and with which credential it asked. */
type Failed = Pick<GitResult, 'stderr' | 'lookup'>

/** What git says (in English, see LC_ALL) when an origin does not do what it was asked; the first that fits counts. */
const symptoms: readonly [RegExp, ErrorCode][] = [
  [/not our ref|unadvertised object|non-commit object/, 'ref_not_found'],
  [/No space left on device/, 'storage_failed'],
  [/returned error: 30\d|unable to update url base from redirection/, 'origin_moved'],
  [
    /Could not resolve host|Failed to connect|Couldn't connect|Connection (refused|reset|timed out)|Operation timed out|Operation too slow|Network is unreachable|No route to host|Empty reply|returned error: 5\d\d|Name or service not known|SSL|certificate/i,
    'origin_unreachable',
  ],
  [
    /Authentication (failed|required)|could not read (Username|Password)|returned error: 40[13]|Permission denied \(publickey|Host key verification failed/i,
    'origin_unauthorised',
  ],
  [
    /Repository not found|repository '.*' not found|returned error: 404|does not appear to be a git repository|does not exist|not a git repository|dubious ownership/i,
    'origin_not_found',
  ],
]

const pushSymptoms: readonly [RegExp, ErrorCode][] = [
  [/No space left on device/, 'storage_failed'],
  [
    /Permission to .* denied|returned error: 40[13]|insufficient permission|Permission denied|unable to create temporary object|read-only|access denied|not allowed to push|Authorization error/i,
    'push_denied',
  ],
  [
    /\[remote rejected\]|\[rejected\]|stale info|hook declined|protected branch|unpack failed|fetch first/i,
    'push_rejected',
  ],
]

export function readError(remote: RepositoryAddress, failed: Failed): AgenticoreError {
  const code = codeIn(symptoms, failed.stderr, namesOf(remote))
  return new AgenticoreError(code, `Reading ${remote.url} failed: ${wordsFor(code, remote, failed)}`)
}

export function pushError(remote: RepositoryAddress, branch: string, failed: Failed): AgenticoreError {
  const code = codeIn([...pushSymptoms, ...symptoms], failed.stderr, [branch, ...namesOf(remote)])
  return new AgenticoreError(code, `Pushing to ${remote.url} failed: ${wordsFor(code, remote, failed)}`)
}

/** As git writes them: a bare `o`, or `git`, would be anywhere in what it says. */
const namesOf = ({ url, path }: RepositoryAddress): string[] => [url, `'${path}'`, `"${path}"`, `/${path}`]

/** `names` stand in what git says and are no symptoms: a repository may be called openssl. */
function codeIn(table: readonly [RegExp, ErrorCode][], stderr: string, names: readonly string[]): ErrorCode {
  const said = names.reduce((text, name) => text.replaceAll(name, '…'), stderr)
  return table.find(([pattern]) => pattern.test(said))?.[1] ?? 'git_failed'
}

/** Hosts hide what a credential may not see: to say "not found" can be a refusal, too. */
const refusals: Partial<Record<ErrorCode, 'refused' | 'not found'>> = {
  origin_unauthorised: 'refused',
  push_denied: 'refused',
  origin_not_found: 'not found',
}

/** Which credential was refused comes first: of a wrong one git says no more than that it may not ask for another. */
function wordsFor(code: ErrorCode, remote: RepositoryAddress, { stderr, lookup }: Failed): string {
  const how = refusals[code]
  const refusal = lookup && how ? [refusalOf(remote.host, lookup, how)] : []
  const moved = /\(stale info\)/.test(stderr) ? ['somebody else has pushed to the branch; nothing was overwritten'] : []
  return [...refusal, ...moved, lastLines(stderr)].join(' / ')
}
