import { randomBytes } from 'node:crypto'
import { chmod, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { cachesIn, isWhole, keepRefs } from '../../test/helpers/caches.ts'
import { cacheIn, checksums, openWorld, tierIn } from '../../test/helpers/repos.ts'
import type { Lock } from '../jobs/ports.ts'
import { parseRepository } from '../jobs/repository.ts'
import { cacheName } from './cache.ts'
import { packedBytes, packsIn } from './packs.ts'

const world = await openWorld(t)
const { github } = world
const { setUp, provided } = cachesIn(world)

/** Two machines that share a directory. */
async function setUpTiers(t: { name: string }, count = 1) {
  const warnings: string[] = []
  const warn = (text: string): void => void warnings.push(text)
  const shared = join(world.dir, `${t.name.replace(/\W+/g, '-')}-shared`)
  const tier = () => tierIn(shared, { warn })
  const one = await setUp({ name: `${t.name} one` }, count, { shared: tier(), warn })
  const other = cacheIn(`${one.root}-other`, world.git, { shared: tier(), warn })
  return { ...one, other, warnings, sharedRepo: join(shared, cacheName(one.remote), 'repo') }
}

const uploads = () => github.requests.filter(({ path }) => path.endsWith('git-upload-pack')).length

t.test('what one machine has fetched another one copies, and no ref of the shared tier ever moves', async t => {
  const { provide, other, grow, tip, sharedRepo, warnings } = await setUpTiers(t, 2)
  await provide(tip)
  const before = uploads()
  const there = await provide(tip, other)
  t.equal(there.cached, true)
  t.equal(uploads(), before, 'the origin is not asked')
  await isWhole(t, there.target)
  const sums = await checksums(sharedRepo)
  const next = await grow()
  t.equal((await provide(next, other)).cached, false)
  t.equal((await provide(next)).cached, true)
  const later = await checksums(sharedRepo)
  for (const [path, sum] of Object.entries(sums)) t.equal(later[path], sum, `${path} is as it was`)
  t.same(await keepRefs(sharedRepo), [tip, next].map(sha => `refs/agenticore/keep/${sha} ${sha}`).sort())
  await isWhole(t, sharedRepo)
  t.same(warnings, [])
})

t.test('what several machines want at once is fetched by one of them', async t => {
  const { remote, tip, root, sharedRepo } = await setUpTiers(t, 2)
  const shared = join(sharedRepo, '../..')
  const machines = Array.from({ length: 5 }, (_, n) => cacheIn(`${root}-${n}`, world.git, { shared: tierIn(shared) }))
  const before = uploads()
  const all = await Promise.all(machines.map(machine => provided(machine, remote, tip)))
  t.equal(all.filter(({ cached }) => !cached).length, 1)
  // A fetch is two requests: what there is, and what is wanted of it.
  t.ok(uploads() - before <= 2, `${uploads() - before} requests`)
  for (const { target } of all) await isWhole(t, target)
})

t.test('who has lost the lock of the shared tier has its commit, and publishes nothing', async t => {
  const { remote, tip, root, sharedRepo } = await setUpTiers(t, 2)
  const lost = AbortSignal.abort(new Error('the lock is lost'))
  const lock: Lock = { withLock: (_key, _options, work) => work(lost) }
  const warnings: string[] = []
  const shared = tierIn(join(sharedRepo, '../..'), { lock, warn: text => void warnings.push(text) })
  await isWhole(t, (await provided(cacheIn(`${root}-1`, world.git, { shared }), remote, tip)).target)
  t.strictSame(await keepRefs(sharedRepo).catch(() => []), [])
  t.strictSame(warnings, ['The shared clone cache could not be added to: the lock is lost'])
})

t.test('a shared tier that is damaged, foreign or read-only stands in nobody’s way', async t => {
  const { provide, other, tip, sharedRepo, warnings, grow } = await setUpTiers(t, 2)
  await provide(tip)
  const [pack = ''] = await packsIn(sharedRepo)
  await chmod(join(sharedRepo, 'objects/pack', `${pack}.pack`), 0o644)
  await truncate(join(sharedRepo, 'objects/pack', `${pack}.pack`), 100)
  const there = await provide(tip, other)
  t.equal(there.cached, false)
  t.match(warnings, [/is damaged/])
  await isWhole(t, there.target)
  await isWhole(t, sharedRepo, 'what was damaged is moved aside, and published anew')

  await rm(sharedRepo, { recursive: true })
  await writeFile(sharedRepo, 'foreign')
  const next = await grow()
  await isWhole(t, (await provide(next)).target)
  await isWhole(t, sharedRepo)
  t.equal(warnings.length, 1)

  await rm(sharedRepo, { recursive: true })
  await symlink('/proc/self', sharedRepo)
  await isWhole(t, (await provide(await grow())).target)
})

t.test('six machines at once, on a shared tier that is deleted under them', async t => {
  const { remote, other, commits, sharedRepo, root, warnings } = await setUpTiers(t, 6)
  const shared = tierIn(join(sharedRepo, '../..'), { warn: text => void warnings.push(text) })
  const machines = Array.from({ length: 6 }, (_, n) =>
    cacheIn(`${root}-${n}`, world.git, { shared, warn: text => void warnings.push(text) }),
  )
  const work = Promise.all(machines.flatMap(machine => commits.map(sha => provided(machine, remote, sha))))
  const deleting = (async () => {
    for (let n = 0; n < 4; n++)
      await rm(sharedRepo, { recursive: true, force: true, maxRetries: 9 }).catch(() => undefined)
  })()
  for (const { target } of await work) await isWhole(t, target)
  await deleting
  await provided(other, remote, commits[0] ?? '')
})

t.test('packs that others published stay where they are when one that has not got them publishes', async t => {
  const { provide, other, grow, root, remote, sharedRepo, commits, warnings } = await setUpTiers(t)
  for (let n = 0; n < 19; n++) await provide(await grow())
  const packs = await packsIn(sharedRepo)
  t.equal(packs.length, 19)
  await provide(await grow(), other)
  for (let n = 0; n < 3; n++) await provide(await grow(), other)
  t.same((await packsIn(sharedRepo)).filter(name => packs.includes(name)).sort(), packs.sort())
  const tier = tierIn(join(sharedRepo, '../..'))
  const third = cacheIn(`${root}-third`, world.git, { shared: tier })
  await isWhole(t, (await provided(third, remote, commits[5] ?? '')).target)
  t.same(warnings, [])
})

t.test('packs that became one are one in the shared tier, too', async t => {
  const { provide, other, grow, gitDir, sharedRepo, commits, warnings } = await setUpTiers(t)
  for (let n = 0; n < 21; n++) await provide(await grow())
  t.equal((await packsIn(gitDir)).length, 1)
  t.same(await packsIn(sharedRepo), await packsIn(gitDir))
  const before = uploads()
  await isWhole(t, (await provide(commits[7] ?? '', other)).target)
  t.equal(uploads(), before)
  t.same(warnings, [])
})

t.test('what is copied from the shared tier counts for the limit, and as used', async t => {
  const [root, shared] = [join(world.dir, 'took'), join(world.dir, 'took-shared')]
  const tier = (limitBytes: number) => tierIn(shared, { limitBytes })
  const publisher = cacheIn(`${root}-1`, world.git, { shared: tier(1e9) })
  const small = cacheIn(`${root}-2`, world.git, { shared: tier(1e9), limitBytes: 1 })
  const all: { remote: ReturnType<typeof parseRepository>; commit: string }[] = []
  for (let n = 0; n < 3; n++) {
    const { cloneUrl, commit } = await world.repo({ 'big.bin': randomBytes(10_000).toString('hex') })
    all.push({ remote: parseRepository(cloneUrl), commit })
    await provided(publisher, parseRepository(cloneUrl), commit)
  }
  const inTier = async (place: string): Promise<boolean[]> =>
    await Promise.all(all.map(async ({ remote }) => (await packsIn(join(place, cacheName(remote), 'repo'))).length > 0))
  const old = new Date(Date.now() - 3_600_000)
  for (const { remote } of all) await utimes(join(shared, cacheName(remote), 'repo/agenticore-cache'), old, old)
  for (const { remote, commit } of all.slice(0, 2)) t.equal((await provided(small, remote, commit)).cached, true)
  t.same(await inTier(`${root}-2`), [false, true, false])
  const { cloneUrl, commit } = await world.repo()
  const limitBytes =
    2 * (await packedBytes(join(shared, cacheName(all[0]?.remote ?? parseRepository('/x')), 'repo'))) + 4000
  await provided(cacheIn(`${root}-3`, world.git, { shared: tier(limitBytes) }), parseRepository(cloneUrl), commit)
  t.same(await inTier(shared), [true, true, false], 'the one that nobody has taken')
})
