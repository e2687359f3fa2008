import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { AgenticoreError } from '../jobs/errors.ts'
import { hasCode } from '../util/error-code.ts'
import type { Git } from './git.ts'

/**
 * What `--repo` means to somebody in a directory: an address stays as it is; a directory stands for the origin of the
 * repository in it, or for that repository itself where it is bare or has no origin.
 * @throws AgenticoreError `invalid_repo_url` for a directory without a repository, `git_missing`
 */
export async function resolveOrigin(git: Git, text: string, cwd: string): Promise<string> {
  const directory = resolve(cwd, text)
  if (text === '' || text.startsWith('-') || text.includes('\0') || !(await isDirectory(directory))) return text
  if (await isBareRepository(directory)) return directory
  const signal = AbortSignal.timeout(10_000)
  const found = await git.try({
    args: ['-C', directory, 'rev-parse', '--is-bare-repository', '--absolute-git-dir'],
    signal,
  })
  if (/dubious ownership/.test(found.stderr)) {
    const why = 'belongs to another user, so its configuration is not trusted'
    throw new AgenticoreError('invalid_repo_url', `${directory} ${why}. Give the address of its origin instead.`)
  }
  if (!found.ok) throw new AgenticoreError('invalid_repo_url', `${directory} is no git repository.`)
  const [isBare, gitDir = directory] = found.stdout.trim().split('\n')
  if (isBare === 'true') return gitDir
  const origin = await git.try({ args: ['-C', directory, 'config', '--get', 'remote.origin.url'], signal })
  const url = origin.stdout.trim()
  if (!origin.ok || url === '') return gitDir.replace(/\/\.git$/, '')
  // As git does: from the top of the working tree, which a linked one has elsewhere than its git directory.
  const top = await git.try({ args: ['-C', directory, 'rev-parse', '--show-toplevel'], signal })
  const asPath = resolve(top.ok ? top.stdout.trim() : gitDir, url)
  return (await isDirectory(asPath)) ? asPath : url
}

/** By its own files, as git itself tells one; saves the common case a process. */
async function isBareRepository(directory: string): Promise<boolean> {
  const parts = await Promise.all(['objects', 'refs'].map(name => isDirectory(join(directory, name))))
  return parts.every(Boolean) && !directory.endsWith('/.git')
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'EACCES')) return false
    throw error
  }
}
