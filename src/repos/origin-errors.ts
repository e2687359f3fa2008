import { AgenticoreError, type ErrorCode } from '../jobs/errors.ts'
import type { RepositoryAddress } from '../jobs/repository.ts'
import { lastLines } from './git.ts'

/** What git says (in English, see LC_ALL) when an origin does not do what it was asked; the first that fits counts. */
const symptoms: readonly [RegExp, ErrorCode][] = [
  [/not our ref|unadvertised object/, 'ref_not_found'],
  [/No space left on device/, 'storage_failed'],
  [/returned error: 30\d|unable to update url base from redirection/, 'origin_moved'],
  [
    /Could not resolve host|Failed to connect|Couldn't connect|Connection (refused|reset|timed out)|Operation timed out|Operation too slow|Network is unreachable|No route to host|Empty reply|returned error: 5\d\d|Name or service not known|SSL|certificate/i,
    'origin_unreachable',
  ],
  [
    /Authentication failed|could not read (Username|Password)|returned error: 40[13]|Permission denied \(publickey|Host key verification failed/i,
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
    /Permission to .* denied|returned error: 40[13]|insufficient permission|Permission denied|unable to create temporary object|read-only|access denied|not allowed to push/i,
    'push_denied',
  ],
  [
    /\[remote rejected\]|\[rejected\]|stale info|hook declined|protected branch|unpack failed|fetch first/i,
    'push_rejected',
  ],
]

export function readError(remote: RepositoryAddress, stderr: string): AgenticoreError {
  return classify(symptoms, `Reading ${remote.url} failed`, { stderr, names: [remote.url, remote.path] })
}

export function pushError(remote: RepositoryAddress, branch: string, stderr: string): AgenticoreError {
  return classify([...pushSymptoms, ...symptoms], `Pushing to ${remote.url} failed`, {
    stderr,
    names: [branch, remote.url, remote.path],
  })
}

/** `names` stand in what git says and are no symptoms: a repository may be called openssl. */
function classify(
  table: readonly [RegExp, ErrorCode][],
  what: string,
  { stderr, names }: { stderr: string; names: readonly string[] },
): AgenticoreError {
  const said = names.reduce((text, name) => text.replaceAll(name, '…'), stderr)
  const code = table.find(([pattern]) => pattern.test(said))?.[1] ?? 'git_failed'
  return new AgenticoreError(code, `${what}: ${lastLines(stderr)}`)
}
