import { lstat, readdir, realpath, rename, stat, symlink } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { hasCode, messageOf } from '../../util/error-code.ts'
import { isFile } from '../../util/is-file.ts'
import { openTree } from '../../util/open-to-all.ts'
import { removeTree } from '../../util/remove-tree.ts'
import { type Below, environmentOn, plainEnvironment } from './environment.ts'
import type { Program } from './program.ts'
import type { Run } from './run.ts'

/** Where clones are, and how one that is not there comes there. */
export interface Clones extends Below {
  readonly root: string
  /** Fetches that commit of an origin into a directory. */
  fetch(commit: string, directory: string): Promise<void>
}

export interface Clone {
  readonly place: string
  readonly program: Program
}

/**
 * A clone of a commit, installed so that it is used where it lies. With an installed agentihooks, what that one brings
 * serves, and only what is missing comes from the package registry. Each is made in a place of its own, where it stays:
 * an environment cannot be moved. A link that is replaced in one step says which one counts, so that nobody is given one
 * half made, or loses the one it runs on, whatever several do at once.
 */
export async function cloned(commit: string, clones: Clones): Promise<Clone> {
  const { root, run, fetch } = clones
  const link = join(root, `${commit.slice(0, 12)}-${await kindOf(clones)}`)
  const there = await realpath(link).catch(() => undefined)
  if (there !== undefined && (await works(there, run))) return cloneIn(there)
  const place = `${link}-${crypto.randomUUID()}`
  try {
    await fetch(commit, sourceIn(place))
    await install(place, clones)
    await openTree(place)
    await publish(place, link)
  } catch (error) {
    await removeTree(place)
    throw error
  }
  return cloneIn(place)
}

const sourceIn = (place: string): string => join(place, 'source')
const environmentIn = (place: string): string => join(place, 'venv')

function cloneIn(place: string): Clone {
  const bin = join(environmentIn(place), 'bin')
  return { place, program: { file: join(bin, 'agentihooks'), args: [], python: join(bin, 'python') } }
}

/** What an environment is made for, beside the commit: machines with different images may share a volume. */
async function kindOf({ installed, run }: Below): Promise<string> {
  const asked = 'import platform, sys; print(sys.implementation.cache_tag, platform.machine(), sep="-")'
  return (await run(installed?.python ?? 'python3', ['-c', asked])).trim()
}

/** One that another image has made can need a Python that this one has elsewhere. */
const works = async (place: string, run: Run): Promise<boolean> =>
  await run(cloneIn(place).program.file, ['--version']).then(
    () => true,
    () => false,
  )

const quietly = ['--quiet', '--no-input', '--disable-pip-version-check', '--no-cache-dir']

async function install(place: string, { installed, run }: Below): Promise<void> {
  const [source, environment] = [sourceIn(place), environmentIn(place)]
  const below = installed?.python
  const python = below
    ? await environmentOn(below, environment, { run, first: [source] })
    : await plainEnvironment(environment, run)
  const pip = ['-m', 'pip', ...(below ? ['--python', python] : []), 'install', ...quietly, '--editable', source]
  // What builds it may be there already; then nothing is asked of a registry.
  const first = await run(below ?? python, [...pip, '--no-build-isolation']).catch((error: unknown) => ({ error }))
  if (typeof first === 'object') {
    await run(below ?? python, pip).catch((error: unknown) => {
      throw new Error(`${messageOf(error)}; with what is there already: ${messageOf(first.error)}`)
    })
  }
  if (await isFile(cloneIn(place).program.file)) return
  throw new Error(`${source} was installed and brought no command agentihooks`)
}

async function publish(place: string, link: string): Promise<void> {
  const fresh = `${place}.link`
  await symlink(basename(place), fresh)
  await rename(fresh, link)
}

/** Clones that nobody has touched since then, and links to those that are gone. */
export async function removeUnused(root: string, before: Date): Promise<void> {
  for (const name of (await readdir(root)).filter(each => /^[0-9a-f]{12}\b/.test(each))) {
    const path = join(root, name)
    if (await isUnused(path, before)) await removeTree(path)
  }
}

async function isUnused(path: string, before: Date): Promise<boolean> {
  try {
    const stats = await lstat(path)
    if (!stats.isSymbolicLink()) return stats.mtime < before
    await stat(path)
    return false
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return true
    throw error
  }
}
