import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'

/** For `skip`: why tests with git-lfs cannot run here; false when they can. */
export const noGitLfs = hasGitLfs() ? false : 'git-lfs is not on the PATH'

export const attributes = '*.bin filter=lfs diff=lfs merge=lfs -text\n'

export const nameOf = (content: Buffer): string => createHash('sha256').update(content).digest('hex')

export const pointerTo = (content: Buffer): string =>
  `version https://git-lfs.github.com/spec/v1\noid sha256:${nameOf(content)}\nsize ${content.length}\n`

function hasGitLfs(): boolean {
  try {
    execFileSync('git-lfs', ['version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
