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
    await this.#addAll(signal)
    const tree = (await this.#run(['write-tree'], signal)).trim()
    const files = await this.#difference(tree, signal)
    if (files.length === 0) return undefined
    const parent = await this.#parent(signal)
    if (parent.tree === tree) return { sha: parent.sha, files }
    const text = `${message.subject}\n\n${message.trailer}\n`
    const sha = await this.#run(['commit-tree', '-p', parent.sha, '-F', '-', tree], signal, text)
    return { sha: sha.trim(), files }
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

  async saveDiff(change: Change, path: string): Promise<void> {
    await this.#git.run({
      args: ['diff-tree', '-p', '--binary', '--full-index', '--no-ext-diff', '--no-textconv', this.baseSha, change.sha],
      env: this.#env(),
      outputFile: path,
      signal: new AbortController().signal,
    })
  }

  async dispose(): Promise<void> {
    await removeTree(this.#checkout.tree)
    await removeTree(this.#checkout.runnerGitDir)
  }

  async #addAll(signal: AbortSignal): Promise<void> {
    const result = await this.#git.try({
      args: ['add', '--all', '--ignore-errors', '--', '.'],
      env: this.#env(),
      signal,
    })
    // 1: some files could not be added, such as a nested repository without a commit; the others were.
    if (result.ok || result.exitCode === 1) return
    throw new AgenticoreError('git_failed', `git add failed: ${result.stderr.trim()}`)
  }

  /** What differs from the base, file by file. */
  async #difference(tree: string, signal: AbortSignal): Promise<ChangedFile[]> {
    const output = await this.#run(['diff-tree', '-r', '-z', '--numstat', '--no-renames', this.baseSha, tree], signal)
    return output.split('\0').filter(Boolean).map(changedFile)
  }

  /** The agent's own last commit if it grew out of the base; otherwise its work becomes one commit on the base. */
  async #parent(signal: AbortSignal): Promise<{ sha: string; tree?: string }> {
    const base = { sha: this.baseSha }
    const head = (await hasOwnObjects(this.path)) ? await readTreeHead(this.path) : undefined
    if (head === undefined || head === this.baseSha) return base
    const descends = await this.#git.try({
      args: ['merge-base', '--is-ancestor', this.baseSha, head],
      env: this.#env(),
      signal,
    })
    if (!descends.ok) return base
    return { sha: head, tree: (await this.#run(['rev-parse', '--verify', `${head}^{tree}`], signal)).trim() }
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
