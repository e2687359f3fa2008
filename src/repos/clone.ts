import type { RepositoryAddress } from '../jobs/repository.ts'
import type { Git } from './git.ts'
import { readError } from './origin-errors.ts'
import { readRemote } from './remote-refs.ts'

/** The commit at the head of an origin's default branch. @throws AgenticoreError `origin_*`, `repository_empty` */
export async function headOf(git: Git, remote: RepositoryAddress, signal: AbortSignal): Promise<string> {
  return (await readRemote(git, remote, { baseRef: '', branch: 'agenticore/none', signal })).tip
}

/** A plain clone of that commit alone, for what is no job's tree. @throws AgenticoreError `origin_*` */
export async function cloneHead(
  git: Git,
  remote: RepositoryAddress,
  { directory, signal }: { directory: string; signal: AbortSignal },
): Promise<void> {
  const args = ['clone', '--quiet', '--depth', '1', '--end-of-options', remote.url, directory]
  const result = await git.try({ args, remote, signal })
  if (!result.ok) throw readError(remote, result)
}
