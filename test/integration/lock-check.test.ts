import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { examineLocks } from '../../src/lock-check.ts'

t.test('a lock that keeps another process out is well, and nothing is left of it', async t => {
  const directory = join(t.testdir(), 'jobs')
  t.strictSame(await examineLocks(directory), { check: 'locks', status: 'ok', message: 'kept by the kernel' })
  t.strictSame(readdirSync(directory), [])
})

t.test('a lock that another process can take as well is an error', async t => {
  const directory = t.testdir()
  // As where every machine keeps its own locks: the other one's file is not ours.
  t.match(await examineLocks(directory, path => `${path}.elsewhere`), {
    status: 'error',
    message: `the file system of ${directory} keeps no locks`,
    remedy: /local disk/,
  })
})

t.test('a lock that cannot be tried says why', async t => {
  const directory = t.testdir()
  const finding = await examineLocks(directory, path => join(path, 'no such directory'))
  t.match(finding, { check: 'locks', status: 'error', message: /could not try a lock.*unable to open/s })
})
