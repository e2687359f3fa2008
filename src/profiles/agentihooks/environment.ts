import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { removeTree } from '../../util/remove-tree.ts'
import type { Program } from './program.ts'
import type { Run } from './run.ts'

/** What runs before an agentihooks of somebody's own: the installed one, whose libraries that one uses. */
export interface Below {
  readonly installed: Program | undefined
  readonly run: Run
}

export async function plainEnvironment(place: string, run: Run): Promise<string> {
  await run('python3', ['-m', 'venv', place])
  return join(place, 'bin/python')
}

/**
 * A virtual environment that finds what another one has, behind `first` and what is installed in it. Such files are read
 * in the order of their names; what pip writes for an editable package is to come before.
 * @param options.first directories, and statements that Python carries out when it starts
 */
export async function environmentOn(
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
