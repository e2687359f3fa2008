import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { AgenticoreError } from '../jobs/errors.ts'
import type { Change, ChangedFile, CommitMessage, Pushed, WorkDone, Workspace } from '../jobs/workspace.ts'
import { allDone } from '../util/all-done.ts'
import { messageOf } from '../util/error-code.ts'
import { isRealDirectory } from '../util/real-directory.ts'
import { removeTree } from '../util/remove-tree.ts'
import { type Checkout, makeRunnerGitDir } from './checkout.ts'
import { type Git, gitError, isFull } from './git.ts'
import { pushLfs } from './lfs.ts'

import { pushError } from './origin-errors.ts'
import { keepStrays } from './stray-commits.ts'
import { hasRealParents, readTreeHead } from './tree-head.ts'
import { writeDone } from './work-done.ts'

/**
 * A job's tree as the runner sees it. Every git call here uses the runner's own git directory and index, so that nothing
 * the agent or the repository left in the tree's `.git` is read as configuration.
 */
export class GitWorkspace implements Workspace {
  readonly #git: Git
  readonly #checkout: Checkout
  readonly cached: boolean
  readonly continued: boolean
  readonly lacksEarlierWork: boolean
  readonly warnings: readonly string[]
  #done: WorkDone | undefined
  /** What the tree is like when nobody has done anything; empty: like the base. */
  #idleTree = ''
  #isIdle = false
  #unread: readonly string[] = []
  /** The runner's own, made by the latest `commit`. */
  #gitDir = ''

  constructor(
    git: Git,
    checkout: Checkout,
    how: Pick<Workspace, 'cached' | 'continued' | 'lacksEarlierWork' | 'warnings' | 'done'>,
  ) {
    this.#git = git
    this.#checkout = checkout
    this.cached = how.cached
    this.continued = how.continued
    this.lacksEarlierWork = how.lacksEarlierWork
    this.warnings = how.warnings
    this.#done = how.done
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

  get done(): WorkDone | undefined {
    return this.#done
  }

  async setDone(done: WorkDone): Promise<void> {
    await writeDone(this.#checkout, done)
    this.#done = done
  }

  async noteIdle(signal: AbortSignal): Promise<boolean> {
    const { tree, baseTree } = await this.#look(signal)
    this.#idleTree = tree
    return tree !== baseTree
  }

  async noteWork(signal: AbortSignal): Promise<void> {
    const { tree, baseTree } = await this.#look(signal)
    this.#isIdle = this.#unread.length === 0 && (tree === baseTree || tree === this.#idleTree)
  }

  async #look(signal: AbortSignal): Promise<{ tree: string; baseTree: string }> {
    this.#gitDir = await makeRunnerGitDir(this.#checkout)
    const [{ baseTree }, tree] = await allDone([this.#history(signal), this.#writeTree(signal)])
    return { tree, baseTree }
  }

  async commit(message: CommitMessage, signal: AbortSignal): Promise<Change | undefined> {
    if (!(await isRealDirectory(this.path))) throw new AgenticoreError('git_failed', 'The working tree is gone.')
    this.#gitDir = await makeRunnerGitDir(this.#checkout)
    const [{ baseTree, parent }, added] = await allDone([this.#history(signal), this.#writeTree(signal)])
    const complete = added === parent.tree || parent.sha === this.baseSha
    const tree = complete ? added : await this.#writeTreeOn(parent.sha, signal)
    const unread = this.#unread
    const isIdle = this.#isIdle || tree === baseTree || tree === this.#idleTree
    if (isIdle && unread.length === 0) return undefined
    if (tree === parent.tree) return { sha: parent.sha, unread }
    const text = `${message.subject}\n\n${message.trailer}\n`
    const when = `@${Math.floor(message.at.getTime() / 1000)} +0000`
    const sha = await this.#git.run({
      args: ['commit-tree', '-p', parent.sha, '-F', '-', tree],
      env: { ...this.#env(), GIT_AUTHOR_DATE: when, GIT_COMMITTER_DATE: when },
      signal,
      input: text,
    })
    return { sha: sha.trim(), unread }
  }

  async keepStrays(change: Change | undefined, path: string, signal: AbortSignal): Promise<string[]> {
    const head = await readTreeHead(this.path)
    const known = [...(change ? [change.sha] : []), ...(head === undefined ? [] : [head])]
    return await keepStrays(
      this.#git,
      { tree: this.path, gitDir: this.#gitDir, known, base: this.baseSha },
      path,
      signal,
    )
  }

  async push(change: Change, signal: AbortSignal): Promise<Pushed> {
    const { branch, remote, state, lfs } = this.#checkout
    if (lfs) await this.#pushLfs(change, signal)
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
    if (!result.ok) throw pushError(remote, branch, result)
    return { hint: hintIn(result.stderr) }
  }

  /** Before the commit that needs them. */
  async #pushLfs({ sha }: Change, signal: AbortSignal): Promise<void> {
    const { branch, remote } = this.#checkout
    const [objects, store] = [join(this.#gitDir, 'objects'), join(this.#gitDir, 'lfs')]
    const result = await pushLfs(this.#git, { remote, commit: sha, base: this.baseSha, objects, store }, signal)
    if (result && !result.ok) throw pushError(remote, branch, result)
  }

  async saveDiff(change: Change, path: string): Promise<ChangedFile[]> {
    const { signal } = new AbortController()
    const between = [this.baseSha, change.sha]
    const patch = ['diff-tree', '-p', '--binary', '--full-index', '--no-ext-diff', '--no-textconv', ...between]
    const counts = ['diff-tree', '-r', '-z', '--raw', '--numstat', '--no-renames', ...between]
    const part = `${path}.${crypto.randomUUID()}.tmp`
    try {
      const [, files] = await allDone([
        this.#git.run({ args: patch, env: this.#env(), outputFile: part, signal }),
        this.#run(counts, signal),
      ])
      await rename(part, path)
      return changedFiles(files)
    } finally {
      await rm(part, { force: true })
    }
  }

  async dispose(): Promise<void> {
    const { tree, runnerRoot } = this.#checkout
    const removals = await Promise.allSettled([removeTree(tree), removeTree(runnerRoot)])
    const errors = removals.flatMap(removal => (removal.status === 'rejected' ? [removal.reason] : []))
    if (errors.length > 0) throw new AggregateError(errors, errors.map(messageOf).join(' / '))
  }

  /** As `#writeTree`, with what the agent committed deciding what is tracked: it may have added files by force. */
  async #writeTreeOn(parent: string, signal: AbortSignal): Promise<string> {
    await this.#run(['read-tree', '--reset', parent], signal)
    return await this.#writeTree(signal)
  }

  /** Everything in the tree that is in the index or not ignored, as a tree object. */
  async #writeTree(signal: AbortSignal): Promise<string> {
    const submodules = await this.#submodules(signal)
    const reachable = await filterAsync(submodules, path => hasRealParents(this.path, path))
    const unreachable = submodules.filter(path => !reachable.includes(path))
    // What is behind a link now is not in the tree any more, and git would refuse to hear of it.
    await this.#updateIndex(['--force-remove'], unreachable, signal)
    // `git add` would start `git status` in a submodule, with the submodule's configuration.
    const paths = ['.', ...reachable.map(path => `:(exclude,literal)${path}`)].join('\0')
    const beside = this.#checkout.sparse.length > 0 ? ['--sparse'] : []
    const args = ['add', '--all', ...beside, '--ignore-errors', '--pathspec-from-file=-', '--pathspec-file-nul']
    const added = await this.#git.try({ args, env: this.#env(), signal, input: paths, encoding: 'latin1' })
    // 1: some files could not be added, such as a nested repository without a commit; the others were.
    if (!added.ok && (added.exitCode !== 1 || isFull(added.stderr))) throw gitError('add', added.stderr)
    this.#unread = added.ok ? [] : unreadIn(added.stderr)
    await this.#dropForeign(submodules, signal)
    // Reads their HEAD and starts nothing.
    await this.#updateIndex(['--add', '--remove'], reachable, signal)
    return (await this.#run(['write-tree'], signal)).trim()
  }

  /**
   * A directory with a `.git` in it was added as the commit it is at, for which git went wherever that `.git` points. Only
   * what is a repository in this very place stays.
   */
  async #dropForeign(known: readonly string[], signal: AbortSignal): Promise<void> {
    const fresh = (await this.#submodules(signal)).filter(path => !known.includes(path))
    const isForeign = async (path: string): Promise<boolean> => {
      const place = Buffer.from(path, 'latin1').toString()
      return !(await hasRealParents(this.path, path)) || (await readTreeHead(join(this.path, place))) === undefined
    }
    await this.#updateIndex(['--force-remove'], await filterAsync(fresh, isForeign), signal)
  }

  async #updateIndex(how: string[], paths: readonly string[], signal: AbortSignal): Promise<void> {
    if (paths.length === 0) return
    const args = ['update-index', ...how, '-z', '--stdin']
    await this.#git.run({ args, env: this.#env(), signal, input: paths.join('\0'), encoding: 'latin1' })
  }

  /** Their paths, a character a byte. */
  async #submodules(signal: AbortSignal): Promise<string[]> {
    const args = ['ls-files', '--stage', '-z']
    const rows = (await this.#git.run({ args, env: this.#env(), signal, encoding: 'latin1' })).split('\0')
    return rows.filter(row => row.startsWith('160000 ')).map(row => row.slice(row.indexOf('\t') + 1))
  }

  /** What the work grew out of: the agent's own last commit if that descends from the base, else the base. */
  async #history(signal: AbortSignal): Promise<{ baseTree: string; parent: { sha: string; tree: string } }> {
    const base = this.baseSha
    const head = await readTreeHead(this.path)
    if (head !== undefined && head !== base) {
      // The trees of both, and as a line of its own `^<merge base>`.
      const args = ['rev-parse', `${base}^{tree}`, `${head}^{tree}`, `${base}...${head}`]
      const { ok, stdout } = await this.#git.try({ args, env: this.#env(), signal })
      const [baseTree = '', headTree = '', ...rest] = stdout.trim().split('\n')
      if (ok && rest.includes(`^${base}`)) return { baseTree, parent: { sha: head, tree: headTree } }
    }
    const tree = (await this.#run(['rev-parse', '--verify', `${base}^{tree}`], signal)).trim()
    return { baseTree: tree, parent: { sha: base, tree } }
  }

  async #run(args: string[], signal: AbortSignal, input?: string): Promise<string> {
    return await this.#git.run({ args, env: this.#env(), signal, ...(input === undefined ? {} : { input }) })
  }

  #env(): Record<string, string> {
    return { GIT_DIR: this.#gitDir, GIT_WORK_TREE: this.path, GIT_INDEX_FILE: join(this.#gitDir, 'index') }
  }
}

async function filterAsync<T>(values: readonly T[], keep: (value: T) => Promise<boolean>): Promise<T[]> {
  const kept = await Promise.all(values.map(keep))
  return values.filter((_, index) => kept[index])
}

/**
 * `--raw --numstat -z`: first `:modes shas status` and the path for each file, then `added<TAB>removed<TAB>path` for
 * each, with `-` for the counts of binary files. Mode 160000 is a repository in the repository.
 */
function changedFiles(output: string): ChangedFile[] {
  const fields = output.split('\0')
  const modeOf = (index: number): string => (/^:\d+ (\d+) /.exec(fields[index - 1] ?? '') ?? ['', ''])[1] ?? ''
  const nested = new Set(fields.filter((_, index) => modeOf(index) === '160000'))
  const counted = fields.filter((field, index) => modeOf(index) === '' && /^(\d+|-)\t(\d+|-)\t/.test(field))
  return counted.map(field => {
    const [added, removed, ...rest] = field.split('\t')
    const path = rest.join('\t')
    const counts = added === '-' ? {} : { added: Number(added), removed: Number(removed) }
    return { path, ...counts, ...(nested.has(path) ? { isRepository: true as const } : {}) }
  })
}

const notAdded = [
  /^error: '(.*)' does not have a commit checked out$/,
  /^error: (.*): can only add regular files, symbolic links or git-directories$/,
]

/**
 * What git says of files it could not read. Left out is what has nothing that could be added (a nested repository
 * without a commit, a pipe or socket), and what git says besides.
 */
function unreadIn(stderr: string): string[] {
  const lines = stderr.split('\n').filter(line => /^(error|fatal|warning): /.test(line))
  const nothing = lines.flatMap(line => notAdded.flatMap(pattern => pattern.exec(line)?.[1] ?? []))
  const besides = [...nothing.map(path => `error: unable to index file '${path}'`), 'fatal: adding files failed']
  return lines.filter(line => !notAdded.some(pattern => pattern.test(line)) && !besides.includes(line))
}

/** Hosts print the address that opens a pull request; the first address of what the remote says is it. */
const hintIn = (stderr: string): string => /^remote:.*?(https?:\/\/\S+)/m.exec(stderr)?.[1] ?? ''
