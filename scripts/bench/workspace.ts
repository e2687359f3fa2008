/** How long it takes to a ready working tree: ours beside `git clone` and `git worktree add`. */
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { freemem, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { execa } from 'execa'
import { git, gitEnv } from '../../test/fixtures/github/git.ts'
import { conditions, type Figures, interleave, report, roundsFrom } from './measure.ts'
import type { Origin, OriginData } from './origin.ts'
import { fillRepository, type Repository, type Size, sizes } from './repositories.ts'
import { mountSlowDirectory, type SlowDirectory, slowness } from './slow-directory.ts'
import { ours, plainClone, type Way, type WayParts, worktreeAdd } from './ways.ts'

const token = 'ghp_ofTheBench1234567'
const defaultRounds = { tiny: 15, medium: 5, large: 3 }
/** By situation; a cold bare clone of the large one takes half a minute there. */
const slowRounds = { tiny: [4, 4, 4], medium: [3, 3, 3], large: [1, 3, 3] }
const situations = ['cold', 'warm', 'new commit'] as const
type Situation = (typeof situations)[number]

/**
 * Ours with two tiers against `worktree add` in facts/git-cache.md, in the order of the situations. Against `git clone` it
 * would also say how much history and how many refs those repositories had.
 */
const goals: Record<Size['name'], readonly number[]> = {
  tiny: [0.12 / 0.06, 0.03 / 0.06, 0.07 / 0.07],
  medium: [1.4 / 2.5, 0.11 / 0.14, 0.17 / 0.17],
  large: [6.1 / 10.2, 1.2 / 1.3, 1.1 / 1.3],
}
const twoTiers = 'ours, two tiers'

const interrupted = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => interrupted.abort(new Error(`ended by ${name}`)))
}
const { signal } = interrupted

/**
 * In memory where there is room. ext4 does not give out an inode again in the minutes after it became free, and looks at
 * each of them for every file it makes: after a few trees were removed, that look is most of what would be measured.
 */
function roomyDirectory(): string {
  const memory = '/dev/shm'
  if (!existsSync(memory)) return tmpdir()
  const { bavail, bsize } = statfsSync(memory)
  return bavail * bsize > neededBytes && freemem() > neededBytes ? memory : tmpdir()
}

const neededBytes = 3 * 1024 ** 3
const place = mkdtempSync(join(option('--in') ?? roomyDirectory(), 'agenticore-bench-'))
const traceFile = join(place, 'trace')

/** A git that notes each process it becomes or starts; it comes first on the PATH where they are counted. */
function countingPath(): string {
  const directory = join(place, 'counting')
  mkdirSync(directory)
  const body = `#!/bin/sh\nPATH='${gitEnv.PATH}' GIT_TRACE2_EVENT='${traceFile}' exec git "$@"\n`
  writeFileSync(join(directory, 'git'), body, { mode: 0o755 })
  return `${directory}:${gitEnv.PATH}`
}

const counting = countingPath()

function countedProcesses(): number {
  return readFileSync(traceFile, 'utf8').split('"event":"start"').length - 1
}

/** What was counted about a way in one situation. */
interface Counts {
  processes: number
  /** On the slow directory, in each round. */
  operations: number[]
  kinds: string
}

interface Bed {
  readonly repository: Repository
  readonly ways: readonly Way[]
  readonly slow?: SlowDirectory | undefined
  tip: string
}

let scratches = 0

async function openOnce(bed: Bed, way: Way, counts: Counts): Promise<number> {
  signal.throwIfAborted()
  const scratch = join(place, `scratch-${scratches++}`)
  mkdirSync(scratch)
  // Counting costs a little, so it is done in the first round only, which is not timed where there are many.
  const isFirst = Number.isNaN(counts.processes)
  if (isFirst) writeFileSync(traceFile, '')
  const before = bed.slow?.operations()
  const started = performance.now()
  const tree = await way.open(scratch, isFirst ? counting : gitEnv.PATH)
  const took = performance.now() - started
  if (bed.slow && before) noteOperations(counts, before, bed.slow.operations())
  if (isFirst) {
    counts.processes = countedProcesses()
    await expectReady(tree, bed, way)
  }
  await rm(scratch, { recursive: true })
  await way.afterwards?.()
  return took
}

function noteOperations(counts: Counts, before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): void {
  const made = [...after].map(([kind, count]) => [kind, count - (before.get(kind) ?? 0)] as const)
  const some = made.filter(([, count]) => count > 0).sort(([, a], [, b]) => b - a)
  counts.operations.push(some.reduce((sum, [, count]) => sum + count, 0))
  counts.kinds = some.map(([kind, count]) => `${count} ${kind}`).join(', ')
}

async function expectReady(tree: string, { tip }: Bed, { name }: Way): Promise<void> {
  const [head, status] = [await git(tree, ['rev-parse', 'HEAD']), await git(tree, ['status', '--porcelain'])]
  if (head !== tip || status !== '') throw new Error(`${name}: ${head} for ${tip}, ${status.slice(0, 200)}`)
}

interface Measured {
  readonly rows: readonly Figures[]
  readonly counts: ReadonlyMap<string, Counts>
}

async function measure(bed: Bed, situation: Situation, rounds: number, warmUp: number): Promise<Measured> {
  const counts = new Map<string, Counts>()
  const candidates = bed.ways.map((way, index) => {
    const own: Counts = { processes: Number.NaN, operations: [], kinds: '' }
    counts.set(way.name, own)
    return {
      name: way.name,
      async run(): Promise<number> {
        if (situation === 'cold') await (bed.slow ? way.forget?.() : way.forgetAll?.())
        // One commit for all: each has had the one before it.
        if (situation === 'new commit' && index === 0) bed.tip = await bed.repository.advance()
        return await openOnce(bed, way, own)
      },
    }
  })
  return { rows: await interleave(candidates, rounds, warmUp), counts }
}

function print(title: string, { rows, counts }: Measured, goal: number | undefined): void {
  const medianOf = (text: string): number => rows.find(({ name }) => name.includes(text))?.median ?? Number.NaN
  const [clone, worktree] = [medianOf('git clone'), medianOf('worktree add')]
  console.log(`\n${title}`)
  const note = ({ name, median }: Figures): string => {
    const { processes, operations } = counts.get(name) ?? { processes: Number.NaN, operations: [] }
    const against = `${(median / worktree).toFixed(2)} × worktree add, goal ${goal?.toFixed(2)} ×`
    return [
      `${(median / clone).toFixed(2)} ×`.padEnd(7),
      `${processes} git`.padEnd(6),
      ...(operations.length > 0 ? [`${middleOf(operations)} operations`] : []),
      ...(name === twoTiers ? [`(${against})`] : []),
    ].join('  ')
  }
  console.log(report(rows, note))
  for (const [name, { kinds }] of counts) if (kinds !== '') console.log(`  ${name}: ${kinds}`)
}

const middleOf = (counts: readonly number[]): number | undefined =>
  counts.toSorted((a, b) => a - b)[Math.floor(counts.length / 2)]

function option(name: string): string | undefined {
  return process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : undefined
}

function chosenSizes(): readonly Size[] {
  const names = option('--sizes')?.split(',') ?? sizes.map(({ name }) => name)
  const unknown = names.filter(name => !sizes.some(size => size.name === name))
  if (unknown.length > 0)
    throw new Error(`no size: ${unknown.join(', ')}; there are ${sizes.map(({ name }) => name).join(', ')}`)
  return sizes.filter(({ name }) => names.includes(name))
}

const meanings: Record<Situation, string> = {
  cold: 'cold, no cache anywhere',
  warm: 'warm, nothing new at the origin',
  'new commit': 'warm, one new commit at the origin',
}
const slowMeanings: Record<Situation, string> = {
  ...meanings,
  cold: 'cold: for worktree add no bare clone; for ours this machine has nothing, another has filled the shared tier',
}

async function measureAll(bed: Bed, headings: Record<Situation, string>): Promise<void> {
  const { name } = bed.repository.size
  for (const [index, situation] of situations.entries()) {
    const usual = bed.slow ? slowRounds[name][index] : undefined
    const rounds = roundsFrom(process.argv, usual ?? defaultRounds[name])
    const measured = await measure(bed, situation, rounds, name === 'large' ? 0 : 1)
    print(
      `${name}, ${headings[situation]} (${rounds} ${rounds === 1 ? 'round' : 'rounds'})`,
      measured,
      goals[name][index],
    )
  }
}

let origin: Worker | undefined
let slow: SlowDirectory | string | undefined

async function startOrigin(names: readonly string[]): Promise<readonly Origin[]> {
  const workerData: OriginData = { root: join(place, 'origin'), token, names }
  origin = new Worker(new URL('origin.ts', import.meta.url), { workerData })
  const [origins] = await once(origin, 'message', { signal })
  return origins as readonly Origin[]
}

async function main(): Promise<void> {
  const chosen = chosenSizes()
  const origins = await startOrigin(chosen.map(({ name }) => name))
  const beds: { repository: Repository; parts: WayParts; path: string }[] = []
  console.log(`To a ready working tree, by smart HTTP from loopback, in turns, in ${place}. ${conditions()}`)
  for (const [index, size] of chosen.entries()) {
    const { cloneUrl: url, path } = origins[index] as Origin
    const repository = await fillRepository(path, size)
    beds.push({ repository, parts: { url, local: join(place, size.name), token, signal }, path })
    const { stdout } = await execa('du', ['-sm', path])
    console.log(
      `${size.name}: ${size.files} files, ${(repository.bytes / 1e6).toFixed(1)} MB, ${size.commits} commits, ${stdout.split('\t')[0]} MiB at the origin`,
    )
  }
  for (const { repository, parts, path } of beds) {
    const { local } = parts
    const ways = [
      plainClone(parts),
      plainClone(parts, '--depth', '1'),
      worktreeAdd(parts, join(local, 'bare'), 'bare cache, fetch, worktree add'),
      ours({ ...parts, local: join(local, 'one') }, undefined, 'ours, one tier'),
      ours({ ...parts, local: join(local, 'two') }, join(local, 'shared'), twoTiers),
    ]
    await measureAll({ repository, ways, tip: await git(path, ['rev-parse', 'main']) }, meanings)
    await rm(local, { recursive: true })
  }
  slow = await mountSlowDirectory(place, signal)
  if (typeof slow === 'string') {
    console.log(`\nWithout the tables of a slow shared directory: ${slow}.`)
    return
  }
  const { pauseMs, cacheSeconds } = slowness
  console.log(
    `\nThe shared directory on FUSE, + ${pauseMs} ms an operation; the kernel believes attributes and names for ${cacheSeconds} s, that a name is not there for 0 s; no write-back cache.`,
  )
  for (const { repository, parts, path } of beds) {
    const { local } = parts
    const shared = join(slow.path, repository.size.name)
    const ways = [
      plainClone(parts),
      worktreeAdd(parts, join(shared, 'bare'), 'bare cache there, worktree add'),
      ours({ ...parts, local: join(local, 'two') }, join(shared, 'tier'), twoTiers),
    ]
    const bed = { repository, ways, slow, tip: await git(path, ['rev-parse', 'main']) }
    await fillShared(bed, ours({ ...parts, local: join(local, 'another') }, join(shared, 'tier'), 'another machine'))
    await measureAll(bed, slowMeanings)
    await rm(local, { recursive: true })
  }
}

async function fillShared(bed: Bed, another: Way): Promise<void> {
  await openOnce(bed, another, { processes: Number.NaN, operations: [], kinds: '' })
  await another.forget?.()
}

try {
  await main()
} catch (error) {
  if (!signal.aborted) throw error
  console.error(String(signal.reason))
  process.exitCode = 130
} finally {
  origin?.postMessage('close')
  if (typeof slow === 'object') await slow.unmount()
  await origin?.terminate()
  rmSync(place, { recursive: true, force: true })
}
