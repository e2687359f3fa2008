import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { git, gitEnv } from '../../test/fixtures/github/git.ts'

/** Repositories to measure with: the same ones each time, made from numbers alone. */

export interface Size {
  readonly name: 'tiny' | 'medium' | 'large'
  readonly files: number
  readonly commits: number
}

export const sizes: readonly Size[] = [
  { name: 'tiny', files: 10, commits: 3 },
  { name: 'medium', files: 2000, commits: 300 },
  { name: 'large', files: 18_000, commits: 300 },
]

const deepest = 8
const filesPerDirectory = 8
const medianBytes = 3000
const largestBytes = 400_000
const editsPerCommit = 4
const refsOfAKind = 20

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

const data = (content: string): string => `data ${Buffer.byteLength(content)}\n${content}\n`
const put = (file: File, revision: number): string => `M 100644 inline ${file.path}\n${data(textOf(file, revision))}`
const head = (revision: number): string =>
  `commit refs/heads/main\nmark :${revision + 1}\ncommitter Mona Lisa <mona@github.test> ${1_767_225_600 + revision * 3600} +0000\n${data(`Commit ${revision}\n`)}`

export interface Repository {
  readonly size: Size
  readonly bytes: number
  /** A commit on the default branch. @returns it */
  advance(): Promise<string>
}

/** Fills an empty bare repository. */
export async function fillRepository(path: string, size: Size): Promise<Repository> {
  const files = makeFiles(size)
  let revision = 0
  const edits = (): File[] =>
    Array.from(
      { length: Math.min(editsPerCommit, files.length) },
      (_, n) => files[(revision * 7919 + n * 104_729) % files.length] as File,
    )
  await importInto(path, async write => {
    await write(head(revision))
    for (const file of files) await write(put(file, 0))
    while (++revision < size.commits) {
      await write(head(revision))
      for (const file of new Set(edits())) await write(put(file, revision))
    }
    for (let n = 0; n < refsOfAKind; n++) {
      const from = 1 + Math.floor((n * size.commits) / refsOfAKind)
      await write(`reset refs/tags/v${n}\nfrom :${from}\n\nreset refs/heads/topic-${n}\nfrom :${from}\n\n`)
    }
  })
  // As a host has it: one pack, with a bitmap of what is reachable.
  await git(path, ['repack', '-a', '-d', '-q', '--write-bitmap-index'])
  return {
    size,
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    async advance() {
      revision++
      await importInto(path, async write => {
        await write(`${head(revision)}from refs/heads/main^0\n`)
        for (const file of new Set(edits())) await write(put(file, revision))
      })
      return await git(path, ['rev-parse', 'refs/heads/main'])
    },
  }
}

async function importInto(path: string, fill: (write: (text: string) => Promise<void>) => Promise<void>) {
  const child = spawn('git', ['-C', path, 'fast-import', '--quiet'], {
    env: gitEnv,
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  const closed = once(child, 'close')
  await fill(text => writeTo(child.stdin, text))
  child.stdin.end()
  await finished(child.stdin)
  const [code] = await closed
  if (code !== 0) throw new Error(`git fast-import ended with ${code}`)
}

async function writeTo(stream: Writable, text: string): Promise<void> {
  if (!stream.write(text)) await once(stream, 'drain')
}
