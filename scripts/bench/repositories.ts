import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { pipeline } from 'node:stream/promises'
import { git, gitEnv } from '../../test/fixtures/github/git.ts'

/** Repositories to measure with: the same ones each time, made from numbers alone. */

export interface Size {
  readonly name: 'tiny' | 'medium' | 'large'
  readonly files: number
  readonly commits: number
  /** Files that each commit changes. */
  readonly edits: number
}

export const sizes: readonly Size[] = [
  { name: 'tiny', files: 10, commits: 3, edits: 2 },
  { name: 'medium', files: 2000, commits: 300, edits: 40 },
  { name: 'large', files: 18_000, commits: 300, edits: 60 },
]

const deepest = 8
const filesPerDirectory = 8
const medianBytes = 3000
const largestBytes = 400_000
const refsOfAKind = 20
const editsOfANewCommit = 4

interface File {
  readonly path: string
  /** Where its text begins in the corpus. */
  readonly at: number
  readonly bytes: number
}

/** Numbers from 0 to 1 that are always the same (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Text that a compressor finds about as much in as in source code. */
function makeCorpus(): string {
  const next = numbers(1)
  const letters = 'etaoinsrhldcumfpgwyb'
  const word = (): string =>
    Array.from({ length: 2 + Math.floor(next() * 9) }, () => letters[Math.floor(next() ** 2 * letters.length)]).join('')
  const words = Array.from({ length: 3000 }, word)
  const glue = [' ', ' ', ' ', '.', '(', ') ', ' = ', ', ', ';\n  ', '\n', ' {\n    ', '}\n\n']
  const parts: string[] = []
  for (let length = 0; length < 4 * 1024 * 1024; ) {
    const part = `${words[Math.floor(next() ** 3 * words.length)]}${glue[Math.floor(next() * glue.length)]}`
    parts.push(part)
    length += part.length
  }
  return parts.join('')
}

const corpus = makeCorpus()

function makeFiles({ files: count }: Size): File[] {
  const next = numbers(count)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T
  const directories = ['']
  while (directories.length < count / filesPerDirectory) {
    const parent = pick(directories)
    if (parent.split('/').length <= deepest) directories.push(`${parent}part-${directories.length}/`)
  }
  return Array.from({ length: count }, (_, n) => {
    // Log-normal, as sizes of source files are: most are small, a few are large.
    const normal = Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())
    const bytes = Math.min(largestBytes, Math.ceil(medianBytes * Math.exp(1.2 * normal)))
    return { path: `${pick(directories)}file-${n}.ts`, at: Math.floor(next() * (corpus.length - bytes)), bytes }
  })
}

/** Each revision is another line in the same text. */
function textOf({ at, bytes }: File, revision: number): string {
  const middle = at + Math.floor(bytes / 2)
  return `${corpus.slice(at, middle)}\n// revision ${revision}\n${corpus.slice(middle, at + bytes)}`
}

const editedIn = (revision: number, { files, edits }: Size): number[] => [
  ...new Set(Array.from({ length: edits }, (_, n) => (revision * 7919 + n * 104_729) % files)),
]

const data = (content: string): string => `data ${Buffer.byteLength(content)}\n${content}\n`

function head(revision: number): string {
  const at = 1_767_225_600 + revision * 3600
  return `commit refs/heads/main\nmark :${revision + 1}\ncommitter Mona Lisa <mona@github.test> ${at} +0000\n${data(`Commit ${revision}\n`)}`
}

export interface Repository {
  readonly size: Size
  readonly bytes: number
  /** A commit on the default branch. @returns it */
  advance(): Promise<string>
}

/** Fills an empty bare repository. */
export async function fillRepository(path: string, size: Size): Promise<Repository> {
  const files = makeFiles(size)
  await importInto(path, history(size, files))
  // As a host has it: one pack, with a bitmap of what is reachable.
  await git(path, ['repack', '-a', '-d', '-q', '--write-bitmap-index'])
  let revision = size.commits
  return {
    size,
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    async advance() {
      await importInto(path, oneMore(size, files, revision++))
      return await git(path, ['rev-parse', 'refs/heads/main'])
    },
  }
}

/** The revisions of each file one after the other, so that they become deltas as in any pack; then the commits. */
function* history(size: Size, files: readonly File[]): Generator<string> {
  const revisions = files.map(() => [0])
  for (let revision = 1; revision < size.commits; revision++) {
    for (const n of editedIn(revision, size)) revisions[n]?.push(revision)
  }
  const marks = new Map<string, number>()
  let mark = size.commits
  for (const [n, file] of files.entries()) {
    for (const revision of revisions[n] ?? []) {
      marks.set(`${n} ${revision}`, ++mark)
      yield `blob\nmark :${mark}\n${data(textOf(file, revision))}`
    }
  }
  for (let revision = 0; revision < size.commits; revision++) {
    yield head(revision)
    const changed = revision === 0 ? files.keys() : editedIn(revision, size)
    for (const n of changed) yield `M 100644 :${marks.get(`${n} ${revision}`)} ${files[n]?.path}\n`
  }
  for (let n = 0; n < refsOfAKind; n++) {
    const from = 1 + Math.floor((n * size.commits) / refsOfAKind)
    yield `reset refs/tags/v${n}\nfrom :${from}\n\nreset refs/heads/topic-${n}\nfrom :${from}\n\n`
  }
}

function* oneMore(size: Size, files: readonly File[], revision: number): Generator<string> {
  yield `${head(revision)}from refs/heads/main^0\n`
  for (const n of editedIn(revision, size).slice(0, editsOfANewCommit)) {
    const file = files[n]
    if (file) yield `M 100644 inline ${file.path}\n${data(textOf(file, revision))}`
  }
}

async function importInto(path: string, parts: Iterable<string>): Promise<void> {
  const child = spawn('git', ['-C', path, 'fast-import', '--quiet'], {
    env: gitEnv,
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  const closed = once(child, 'close')
  await pipeline(parts, child.stdin)
  const [code] = await closed
  if (code !== 0) throw new Error(`git fast-import ended with ${code}`)
}
