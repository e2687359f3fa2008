import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { git } from '../fixtures/github/git.ts'
import { agentGit } from './repos.ts'

export interface SubmoduleLink {
  readonly path: string
  readonly url: string
  readonly commit: string
}

/**
 * A commit on the main branch of a bare repository that has these submodules.
 * @param tree where to make it; stays
 * @param then what else belongs into it
 * @returns the commit
 */
export async function addSubmodules(
  bare: string,
  tree: string,
  links: readonly SubmoduleLink[],
  then?: (tree: string) => Promise<void>,
): Promise<string> {
  await git('/', ['clone', '--quiet', bare, tree])
  const lines = links.map(({ path, url }, n) => `[submodule "s${n}"]\n\tpath = ${path}\n\turl = ${url}\n`)
  await writeFile(join(tree, '.gitmodules'), lines.join(''))
  await agentGit(tree, 'add', '.gitmodules')
  for (const { path, commit } of links) {
    await agentGit(tree, 'update-index', '--add', '--cacheinfo', `160000,${commit},${path}`)
  }
  await then?.(tree)
  await agentGit(tree, 'commit', '--quiet', '--message', 'submodules')
  await agentGit(tree, 'push', '--quiet', 'origin', 'HEAD:main')
  return await git(bare, ['rev-parse', 'main'])
}
