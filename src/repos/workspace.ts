import { join } from 'node:path'
import { AgenticoreError } from '../jobs/errors.ts'
import type { Change, ChangedFile, CommitMessage, Pushed, Workspace } from '../jobs/ports.ts'
import { removeTree } from '../util/remove-tree.ts'
import type { Checkout } from './checkout.ts'
import type { Git } from './git.ts'
import { pushError } from './origin-errors.ts'
import { hasOwnObjects, readTreeHead } from './tree-head.ts'

/**
 * A job's tree as the runner sees it. Every git call here uses the runner's own git directory and index, so that nothing
 * the agent or the repository left in the tree's `.git` is read as configuration.
 */
export class GitWorkspace implements Workspace {
  readonly #git: Git
  readonly #checkout: Checkout
  readonly cached: boolean

  constructor(git: Git, checkout: Checkout, cached: boolean) {
    this.#git = git
    this.#checkout = checkout
    this.cached = cached
  }

  get path(): string {
    return this.#checkout.tree
  }

  get branch(): string {
    return this.#checkout.branch
  }

  get baseBranch(): string {
    return this.#checkout.state.baseBranch
  }

  get baseRef(): string {
    return this.#checkout.state.baseRef
  }

  get baseSha(): string {
    return this.#checkout.state.tip
  }

  async commit(message: CommitMessage, signal: AbortSignal): Promise<Change | undefined> {
    const [tree, { baseTree, parent }] = await Promise.all([this.#writeTree(signal), this.#history(signal)])
    if (tree === baseTree) return undefined
    if (tree === parent.tree) return { sha: parent.sha }
    const text = `${message.subject}\n\n${message.trailer}\n`
    const sha = await this.#run(['commit-tree', '-p', parent.sha, '-F', '-', tree], signal, text)
    return { sha: sha.trim() }
  }

  async push(change: Change, signal: AbortSignal): Promise<Pushed> {
    const { branch, remote, state } = this.#checkout
    const result = await this.#git.try({
      args: [
        'push',
        '--no-verify',
        '--no-recurse-submodules',
        `--force-with-lease=refs/heads/${branch}:${state.pushed ?? ''}`,
        '--end-of-options',
        remote.url,
        `${change.sha}:refs/heads/${branch}`,
      ],
      env: this.#env(),
      remote,
      signal,
    })
    if (!result.ok) throw pushError(remote, result.stderr)
    return { hint: hintIn(result.stderr) }
  }

  async saveDiff(change: Change, path: string): Promise<ChangedFile[]> {
    const { signal } = new AbortController()
    const between = [this.baseSha, change.sha]
    const patch = ['diff-tree', '-p', '--binary', '--full-index', '--no-ext-diff', '--no-textconv', ...between]
    const counts = ['diff-tree', '-r', '-z', '--numstat', '--no-renames', ...between]
    const [, files] = await Promise.all([
      this.#git.run({ args: patch, env: this.#env(), outputFile: path, signal }),
      this.#run(counts, signal),
    ])
    return files.split('\0').filter(Boolean).map(changedFile)
  }

  async dispose(): Promise<void> {
    await removeTree(this.#checkout.tree)
    await removeTree(this.#checkout.runnerGitDir)
  }

  /** Everything in the tree that is not ignored, as a tree object. */
  async #writeTree(signal: AbortSignal): Promise<string> {
    const args = ['add', '--all', '--ignore-errors', '--', '.']
    const added = await this.#git.try({ args, env: this.#env(), signal })
    // 1: some files could not be added, such as a nested repository without a commit; the others were.
    if (!added.ok && added.exitCode !== 1) {
      throw new AgenticoreError('git_failed', `git add failed: ${added.stderr.trim()}`)
    }
    return (await this.#run(['write-tree'], signal)).trim()
  }

  /** What the work grew out of: the agent's own last commit if that descends from the base, else the base. */
  async #history(signal: AbortSignal): Promise<{ baseTree: string; parent: { sha: string; tree: string } }> {
    const head = (await hasOwnObjects(this.path)) ? await readTreeHead(this.path) : undefined
    const [baseTree, headTree] = await Promise.all([
      this.#treeOf(this.baseSha, signal),
      head === undefined || head === this.baseSha ? undefined : this.#descendantTree(head, signal),
    ])
    if (baseTree === undefined) throw new AgenticoreError('git_failed', `The base commit ${this.baseSha} is gone.`)
    const own = head !== undefined && headTree !== undefined
    return { baseTree, parent: own ? { sha: head, tree: headTree } : { sha: this.baseSha, tree: baseTree } }
  }

  async #descendantTree(head: string, signal: AbortSignal): Promise<string | undefined> {
    const args = ['merge-base', '--is-ancestor', this.baseSha, head]
    const [descends, tree] = await Promise.all([
      this.#git.try({ args, env: this.#env(), signal }),
      this.#treeOf(head, signal),
    ])
    return descends.ok ? tree : undefined
  }

  async #treeOf(commit: string, signal: AbortSignal): Promise<string | undefined> {
    const args = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${commit}^{tree}`]
    const { ok, stdout } = await this.#git.try({ args, env: this.#env(), signal })
    return ok ? stdout.trim().split('\n').at(-1) : undefined
  }

  async #run(args: string[], signal: AbortSignal, input?: string): Promise<string> {
    return await this.#git.run({ args, env: this.#env(), signal, ...(input === undefined ? {} : { input }) })
  }

  #env(): Record<string, string> {
    const { runnerGitDir, tree } = this.#checkout
    return { GIT_DIR: runnerGitDir, GIT_WORK_TREE: tree, GIT_INDEX_FILE: join(runnerGitDir, 'index') }
  }
}

/** `added<TAB>removed<TAB>path`, with `-` for the counts of binary files. */
function changedFile(row: string): ChangedFile {
  const [added = '-', removed = '-', ...path] = row.split('\t')
  const counts = added === '-' ? {} : { added: Number(added), removed: Number(removed) }
  return { path: path.join('\t'), ...counts }
}

/** Hosts print the address that opens a pull request; the first address of what the remote says is it. */
const hintIn = (stderr: string): string => /^remote:.*?(https?:\/\/\S+)/m.exec(stderr)?.[1] ?? ''
