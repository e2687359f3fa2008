import { join } from 'node:path'
import type { Change, Workspace } from '../../src/jobs/workspace.ts'
import { branchTip, git } from '../fixtures/github/git.ts'
import { filesOf, message, never, type World } from './repos.ts'

/** Trees of fresh jobs in a world, all of one origin unless another is named. */
export async function treesIn(world: World) {
  const origin = await world.repo()
  const baseFiles = { 'a.txt': 'a', 'deep/b.txt': 'b', 'run.sh': '#!/bin/sh', '.gitignore': '*.log\nout/' }

  /** A fresh job's tree; `deliver` does with it what the runner does when the agent is done. */
  async function setUp(t: { after(clean: () => Promise<void>): void }, { cloneUrl, path } = origin) {
    const { workspace } = await world.open(cloneUrl)
    t.after(() => workspace.dispose())
    const tree = workspace.path
    const at = (name: string) => join(tree, name)
    async function deliver() {
      const change = await workspace.commit(message, never)
      if (!change) return undefined
      await workspace.push(change, never)
      const tip = await branchTip(path, workspace.branch)
      const changed = await workspace.saveDiff(change, join(world.dir, 'diff.patch'))
      return {
        change,
        changed,
        tip,
        files: await filesOf(path, change.sha),
        history: await historyOf(path, change, workspace),
      }
    }
    return { cloneUrl, path, workspace, tree, at, deliver }
  }
  return { setUp, baseFiles }
}

/** Subjects from the base, which is left out, to the delivered commit. */
async function historyOf(path: string, change: Change, workspace: Workspace): Promise<string[]> {
  const log = await git(path, ['log', '--reverse', '--format=%s', change.sha, `^${workspace.baseSha}`])
  return log.split('\n')
}
