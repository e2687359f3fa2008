import type { RepositoryAddress } from '../jobs/repository.ts'
import type { Git } from './git.ts'
import { readError } from './origin-errors.ts'
import { readRemote } from './remote-refs.ts'

/** The commit at the head of an origin's default branch. @throws AgenticoreError `origin_*`, `repository_empty` */
export async function headOf(git: Git, remote: RepositoryAddress, signal: AbortSignal): Promise<string> {
  return (await readRemote(git, remote, { baseRef: '', branch: 'agenticore/none', signal })).tip
}

/** That commit alone, and its files, for what is no job's tree. @throws AgenticoreError `origin_*`, `git_failed` */
export async function cloneCommit(
  git: Git,
  remote: RepositoryAddress,
  { commit, directory, signal }: { commit: string; directory: string; signal: AbortSignal },
): Promise<void> {
  await git.run({ args: ['init', '--quiet', '--template=', '--end-of-options', directory], signal })
  const quietly = ['--quiet', '--no-tags', '--no-write-fetch-head', '--no-auto-maintenance', '--no-recurse-submodules']
  const args = ['fetch', ...quietly, '--depth', '1', '--end-of-options', remote.url, commit]
  const result = await git.try({ args, within: directory, remote, signal })
  if (!result.ok) throw readError(remote, result)
  await git.run({ args: ['checkout', '--quiet', '--detach', commit], within: directory, signal })
}
