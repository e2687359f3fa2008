import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import t from 'tap'
import { isFinal, type Job } from '../../src/jobs/job.ts'
import { openStore } from '../chaos/places.ts'
import { compileCache } from '../helpers/compile-cache.ts'

const agents = join(import.meta.dirname, '../fixtures/agents')
const disk = mkdtempSync(join(tmpdir(), 'agenticore-full-'))

/** A disk of 2 MiB; undefined when it was mounted, else why it cannot be. */
function mounted(): string | undefined {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk], { stdio: 'pipe' })
    return undefined
  } catch {
    return 'a small disk can be mounted by root only'
  }
}

const skip = mounted() ?? false

t.teardown(() => {
  if (skip === false) execFileSync('umount', ['--lazy', disk])
  rmdirSync(disk)
})

/** Everything a job writes is on the small disk, which has so much room left. */
async function runWith(freeKiB: number): Promise<{ job?: Job; stderr: string }> {
  const filler = join(disk, 'filler')
  rmSync(filler, { force: true })
  const { bavail, bsize } = statfsSync(disk)
  writeFileSync(filler, Buffer.alloc(Math.max(0, bavail * bsize - freeKiB * 1024)))
  const args = [join(agents, 'run.ts'), disk, join(agents, 'talks')]
  const { stdout, stderr } = await execa(process.execPath, args, {
    reject: false,
    extendEnv: false,
    env: { ...compileCache, PATH: process.env.PATH },
  })
  return { stderr, ...(stdout === '' ? {} : { job: JSON.parse(stdout).job }) }
}

function records(): string[] {
  const names = readdirSync(join(disk, 'jobs'), { recursive: true, withFileTypes: true })
  return names.filter(entry => entry.name.endsWith('.json')).map(entry => join(entry.parentPath, entry.name))
}

t.test(
  'a disk that is full at any write is named, tears no record, and other jobs go on',
  { skip, timeout: 120_000 },
  async t => {
    t.match((await runWith(1900)).job, { status: 'succeeded' }, 'there is room for a whole job')
    const seen = new Set<string>()
    for (const freeKiB of [0, 4, 8, 12, 16, 20, 24, 28, 32, 40, 56, 96, 160, 400]) {
      const { job, stderr } = await runWith(freeKiB)
      seen.add(job === undefined ? 'refused' : job.status)
      if (job === undefined || job.errorCode === 'storage_failed')
        t.match(`${stderr} ${job?.error}`, 'ENOSPC', `${freeKiB} KiB`)
      else t.match(job.status, /^(succeeded|queued)$/, `${freeKiB} KiB: ${job.error}`)
      for (const path of records()) t.doesNotThrow(() => JSON.parse(readFileSync(path, 'utf8')), path)
    }
    t.ok(seen.has('refused') && seen.has('succeeded'), `the disk was full early, late and not at all: ${[...seen]}`)
    t.match((await runWith(1000)).job, { status: 'succeeded' }, 'with room again, another job')
    const store = await openStore(join(disk, 'jobs'))
    await store.reap(async () => undefined)
    const jobs = await store.list({ limit: 99 })
    for (const job of jobs) t.ok(isFinal(job) || job.status === 'queued', `${job.id} is ${job.status}`)
    t.ok(jobs.some(job => job.errorCode === 'storage_failed'))
    await store.close()
  },
)
