import { spawn } from 'node:child_process'
import { existsSync, linkSync, lstatSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { until } from '../../test/helpers/until.ts'
import { isAccount } from './accounts.ts'
import { runCommand } from './command.ts'
import { giveTree } from './ownership.ts'
import { UserSlots } from './slots.ts'
import { endUser, hasProcesses } from './user-processes.ts'

const skip = process.getuid?.() === 0 ? false : 'only root can start programs as other users'
const setpriv = 'setpriv'
const env = { PATH: process.env.PATH ?? '' }
/** Far from those that jobs of other tests have. */
const uidBase = 61_000

const slotsIn = (t: Test): UserSlots => new UserSlots({ directory: t.testdir(), uidBase, setpriv })

t.test('users take turns, and one that is somebody is passed over', { skip }, async t => {
  const slots = slotsIn(t)
  const first = await slots.acquire()
  await first.release()
  const second = await slots.acquire()
  const third = await slots.acquire()
  t.same([first.uid, second.uid, third.uid], [uidBase, uidBase + 1, uidBase + 2])
  await second.release()
  await third.release()
  t.equal(await isAccount(0), true)
  t.equal(await isAccount(uidBase), false)
  const people = new UserSlots({ directory: join(t.testdirName, 'others'), uidBase: 0, setpriv })
  const slot = await people.acquire()
  t.equal(await isAccount(slot.uid), false)
  await slot.release()
})

t.test('what an agent leaves in common places is gone with it', { skip }, async t => {
  const slot = await slotsIn(t).acquire()
  const name = `agenticore-test-${crypto.randomUUID()}`
  const places = ['/tmp', '/var/tmp', '/dev/shm', tmpdir()].map(place => join(place, name))
  const ours = join('/tmp', `${name}-ours`)
  writeFileSync(ours, 'ours')
  t.teardown(() => rmSync(ours, { force: true }))
  const script = `umask 077; for p in ${places.join(' ')}; do mkdir -p $p/deep; echo secret > $p/deep/file; done
ln -s ${ours} /tmp/${name}-link; ipcmk -M 4096 -S 1 -Q > /dev/null`
  t.match(await runCommand({ file: 'sh', args: ['-c', script], env, user: slot }), { ok: true })
  t.ok(places.every(place => existsSync(place)))
  await slot.release()
  t.same(
    places.filter(place => existsSync(place)),
    [],
  )
  t.notOk(existsSync(`/tmp/${name}-link`))
  t.ok(existsSync(ours), 'what a link leads to is not touched')
  for (const table of ['shm', 'sem', 'msg']) {
    const rows = (await readFile(`/proc/sysvipc/${table}`, 'utf8')).split('\n')
    t.same(
      rows.filter(row => row.trim().split(/\s+/).includes(String(slot.uid))),
      [],
      table,
    )
  }
})

t.test('a user is ended where no process can be started any more', { skip }, async t => {
  const uid = uidBase + 900
  const bomb = 'ulimit -u 60; while :; do (sleep 1000 &) 2>/dev/null || :; done'
  spawn(setpriv, ['--reuid', String(uid), '--regid', String(uid), '--clear-groups', 'sh', '-c', bomb], {
    stdio: 'ignore',
  })
  await until(async () => (await hasProcesses(uid)) || undefined)
  await endUser({ uid, setpriv: '/no/such/setpriv' })
  t.equal(await hasProcesses(uid), false)
})

t.test('files go to the user with all their names, and not when one of them is elsewhere', { skip }, t => {
  const dir = t.testdir({ tree: { deep: {} }, elsewhere: {} })
  const tree = join(dir, 'tree')
  for (const name of ['one', 'twice', 'shared']) writeFileSync(join(tree, name), name)
  linkSync(join(tree, 'twice'), join(tree, 'deep/again'))
  linkSync(join(tree, 'shared'), join(dir, 'elsewhere/shared'))
  mkdirSync(join(tree, 'empty'))
  const uid = uidBase + 901
  return giveTree(tree, uid).then(() => {
    const owner = (path: string): number => lstatSync(join(tree, path)).uid
    t.same(['.', 'one', 'twice', 'deep/again', 'empty'].map(owner), [uid, uid, uid, uid, uid])
    t.equal(owner('shared'), 0)
  })
})
