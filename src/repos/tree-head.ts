import { constants, open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { hasCode } from '../util/error-code.ts'
import { isRealDirectory } from '../util/real-directory.ts'

const commitId = /^[0-9a-f]{40}$/
// What git-check-ref-format(1) allows.
const branchName = /^refs\/heads\/[^\p{Cc} ~^:?*[\\]+$/u
const largestRefsFile = 16 * 1024 * 1024

/**
 * The commit a working tree's HEAD is at, read without git: an agent has had its hands on this tree, and git would obey
 * the configuration it left there. Links are not followed. Undefined when there is no answer to be had.
 */
export async function readTreeHead(tree: string): Promise<string | undefined> {
  const gitDir = join(tree, '.git')
  if (!(await isRealDirectory(gitDir))) return undefined
  const head = (await readPlain(join(gitDir, 'HEAD')))?.trim()
  if (head === undefined || commitId.test(head)) return head
  const ref = head.startsWith('ref: ') ? head.slice('ref: '.length) : ''
  if (!branchName.test(ref) || ref.includes('..')) return undefined
  return (await looseRef(gitDir, ref)) ?? (await packedRef(gitDir, ref))
}

async function looseRef(gitDir: string, ref: string): Promise<string | undefined> {
  // Only the last part of a path is kept from being a link by O_NOFOLLOW.
  for (let parent = dirname(ref); parent !== '.'; parent = dirname(parent)) {
    if (!(await isRealDirectory(join(gitDir, parent)))) return undefined
  }
  const sha = (await readPlain(join(gitDir, ref)))?.trim()
  return sha !== undefined && commitId.test(sha) ? sha : undefined
}

async function packedRef(gitDir: string, ref: string): Promise<string | undefined> {
  const lines = (await readPlain(join(gitDir, 'packed-refs')))?.split('\n') ?? []
  const sha = lines.find(line => line.endsWith(` ${ref}`))?.slice(0, 40)
  return sha !== undefined && commitId.test(sha) ? sha : undefined
}

/** A file of an agent's: undefined for a link, a pipe, anything large, and for what is not there. */
export async function readPlain(path: string): Promise<string | undefined> {
  try {
    // Non-blocking: a pipe in a file's place would hold the runner up for ever.
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      const stats = await handle.stat()
      return stats.isFile() && stats.size <= largestRefsFile ? await handle.readFile('utf8') : undefined
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'EISDIR', 'EACCES', 'ENXIO')) return undefined
    throw error
  }
}

/** Whether each directory above `path` in the tree is one, and no link. @param path a character a byte */
export async function hasRealParents(tree: string, path: string): Promise<boolean> {
  for (let end = path.indexOf('/'); end >= 0; end = path.indexOf('/', end + 1)) {
    const parent = Buffer.concat([Buffer.from(`${tree}/`), Buffer.from(path.slice(0, end), 'latin1')])
    if (!(await isRealDirectory(parent))) return false
  }
  return true
}
