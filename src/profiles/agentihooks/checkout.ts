import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isFile } from '../../util/is-file.ts'
import { removeTree } from '../../util/remove-tree.ts'
import type { Program } from './program.ts'
import type { Run } from './run.ts'

/** What runs before an agentihooks of somebody's own: the installed one, whose libraries that one uses. */
export interface Below {
  readonly installed: Program | undefined
  readonly run: Run
}

/** What keeps a checkout from being used so; undefined when nothing does. */
export async function whyNotInFront(checkout: string, installed: Program | undefined): Promise<string | undefined> {
  if (!(await isFile(join(checkout, 'scripts/install.py')))) {
    return `${checkout} is no checkout of agentihooks: it has no scripts/install.py`
  }
  if (installed?.python !== undefined) return undefined
  return 'a checkout uses the libraries of an installed agentihooks, and there is none on the PATH'
}

/**
 * A checkout as it lies there, in front of the installed agentihooks: nothing is written into it, and what is changed in it
 * counts at once.
 * @param place becomes a virtual environment
 */
export async function inFront(checkout: string, place: string, { installed, run }: Below): Promise<Program> {
  const below = installed?.python
  const wrong = await whyNotInFront(checkout, installed)
  if (wrong !== undefined || below === undefined) throw new Error(wrong)
  const python = await environmentOn(below, place, { run, first: [checkout] })
  return { file: python, args: ['-m', 'scripts.install'], python }
}

/** Fetches what an origin has now into a directory. */
export type Fetch = (directory: string) => Promise<void>

/**
 * A clone, installed so that it is used where it lies. With an installed agentihooks, what that one brings serves, and only
 * what is missing comes from the package registry.
 * @param place holds the clone and its environment; complete ones are used again
 */
export async function cloned(place: string, fetch: Fetch, { installed, run }: Below): Promise<Program> {
  const [source, environment] = [join(place, 'source'), join(place, 'venv')]
  const program = { file: join(environment, 'bin/agentihooks'), args: [], python: join(environment, 'bin/python') }
  const ready = join(place, 'ready')
  if (await isFile(ready)) return program
  await removeTree(place)
  await mkdir(place, { recursive: true, mode: 0o755 })
  await fetch(source)
  await install(source, environment, { installed, run })
  if (!(await isFile(program.file))) throw new Error(`${source} was installed and brought no command agentihooks`)
  await writeFile(ready, '')
  return program
}

const quietly = ['--quiet', '--no-input', '--disable-pip-version-check', '--no-cache-dir']

async function install(source: string, environment: string, { installed, run }: Below): Promise<void> {
  const below = installed?.python
  const python = below
    ? await environmentOn(below, environment, { run, first: [source] })
    : await plainEnvironment(environment, run)
  const pip = ['-m', 'pip', ...(below ? ['--python', python] : []), 'install', ...quietly, '--editable', source]
  try {
    // What builds it may be there already; then nothing is asked of a registry.
    await run(below ?? python, [...pip, '--no-build-isolation'])
  } catch {
    await run(below ?? python, pip)
  }
}

async function plainEnvironment(place: string, run: Run): Promise<string> {
  await run('python3', ['-m', 'venv', place])
  return join(place, 'bin/python')
}

/**
 * A virtual environment that finds what another one has, behind `first` and what is installed in it. Such files are read
 * in the order of their names; what pip writes for an editable package is to come before.
 */
async function environmentOn(
  below: string,
  place: string,
  { run, first }: { run: Run; first: readonly string[] },
): Promise<string> {
  await removeTree(place)
  await run(below, ['-m', 'venv', '--without-pip', place])
  const libraries = (await run(below, ['-c', 'import sysconfig; print(sysconfig.get_path("purelib"))'])).trim()
  const lines = [...first, `import site; site.addsitedir(${JSON.stringify(libraries)})`]
  await writeFile(join(await ownLibraries(place), 'zz_below.pth'), `${lines.join('\n')}\n`)
  return join(place, 'bin/python')
}

async function ownLibraries(environment: string): Promise<string> {
  const [version = ''] = await readdir(join(environment, 'lib'))
  return join(environment, 'lib', version, 'site-packages')
}

const kept = 3

/** Of the clones beside `place` the newest stay: agents of other machines may still run on an older one. */
export async function removeOldClones(place: string, touched: (name: string) => Promise<number>): Promise<void> {
  const root = dirname(place)
  const names = (await readdir(root)).filter(name => /^[0-9a-f]{12}$/.test(name))
  const ages = await Promise.all(names.map(async name => ({ name, at: await touched(join(root, name)) })))
  const old = ages.toSorted((one, other) => other.at - one.at).slice(kept)
  for (const { name } of old) await rm(join(root, name), { recursive: true, force: true })
}
