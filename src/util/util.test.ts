import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { systemClock } from './clock.ts'
import { createDurably, writeDurably } from './durable.ts'
import { hasCode } from './error-code.ts'
import { isUuid, shortId, uuidV7 } from './ids.ts'
import { oneLine, printable } from './printable.ts'
import { redactDeep, redactor } from './redact.ts'
import { removeTree } from './remove-tree.ts'

t.test('a file is replaced whole, for its owner alone, and nothing temporary stays', async t => {
  const place = t.testdir({ old: 'before' })
  await writeDurably(join(place, 'old'), 'after')
  await writeDurably(join(place, 'new'), 'first')
  t.equal(readFileSync(join(place, 'old'), 'utf8'), 'after')
  t.strictSame(readdirSync(place).sort(), ['new', 'old'])
  await t.rejects(writeDurably(join(place, 'none/x'), ''), { code: 'ENOENT' })
  await t.rejects(writeDurably(place, ''), /E(ISDIR|EXIST|BUSY|NOTEMPTY)/)
  t.strictSame(readdirSync(place).sort(), ['new', 'old'])
})

t.test('of many that create one file one succeeds, and its content stays', async t => {
  const path = join(t.testdir(), 'x')
  const made = await Promise.all(Array.from({ length: 20 }, (_, n) => createDurably(path, String(n))))
  t.equal(made.filter(Boolean).length, 1)
  t.equal(readFileSync(path, 'utf8'), String(made.indexOf(true)))
  t.strictSame(readdirSync(t.testdirName), ['x'])
})

t.test('a tree is removed with directories that were made read-only', async t => {
  const place = join(t.testdir(), 'tree')
  mkdirSync(join(place, 'a/b'), { recursive: true })
  writeFileSync(join(place, 'a/b/file'), '')
  for (const directory of ['a/b', 'a', '']) chmodSync(join(place, directory), 0o500)
  await removeTree(place)
  t.notOk(existsSync(place))
  await removeTree(place)
})

t.test('secrets are blanked as they are, encoded, and as git sends them, at any depth', async t => {
  const secret = 'p@ss/w0rd+long'
  const redact = redactor([secret, '', 'short'])
  const basic = Buffer.from(`x-access-token:${secret}`).toString('base64')
  for (const form of [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64'), basic]) {
    t.equal(redact(`a ${form} b`), 'a *** b')
  }
  t.equal(redact('short stays'), 'short stays')
  const deep = { a: [`x${secret}`], b: { c: secret, d: 1, e: null }, f: true }
  t.strictSame(redactDeep(deep, redact), { a: ['x***'], b: { c: '***', d: 1, e: null }, f: true })
  t.equal(redactor(['abcdefgh', 'abcdefghij'])('abcdefghij'), '***', 'the longer one first')
})

t.test('nothing printable moves the cursor, changes a colour, or turns text around', async t => {
  for (const [text, shown] of [
    ['\u001b[31mred\u001b[0m', 'red'],
    ['\u001b]0;title\u0007x', 'x'],
    ['\u001b]8;;http://evil\u001b\\link\u001b]8;;\u001b\\', 'link'],
    ['a\rb', 'ab'],
    ['a\u0008b\u007fc\u009b31md', 'abcd'],
    ['x\u202egnp.exe\u2066', 'xgnp.exe'],
    ['tab\tand\nline', 'tab\tand\nline'],
    ['ünï 🌈', 'ünï 🌈'],
  ] as const) {
    t.equal(printable(text), shown, JSON.stringify(text))
  }
  t.equal(oneLine(' a\n\n b\tc ', 20), 'a b c')
  t.equal(oneLine('abcdef', 4), 'abc…')
})

t.test('ids sort by time, and their short form is the random end', async t => {
  const ids = [1, 2, 3].map(n => uuidV7(new Date(1_700_000_000_000 + n)))
  t.strictSame([...ids].sort(), ids)
  for (const id of ids) t.ok(isUuid(id))
  t.notOk(isUuid('../../etc'))
  t.equal(shortId('01a206ea-2280-73b8-868b-21b8501b3b5f'), '21b8501b3b5f')
  t.equal(new Set(Array.from({ length: 1000 }, () => shortId(uuidV7(new Date(0))))).size, 1000)
})

t.test('a deadline aborts with its reason; one that is stopped does not', async t => {
  const reason = new Error('late')
  const due = systemClock.deadline(1, reason)
  await new Promise(resolve => due.signal.addEventListener('abort', resolve))
  t.equal(due.signal.reason, reason)
  const stopped = systemClock.deadline(1, reason)
  stopped.stop()
  await systemClock.sleep(5)
  t.equal(stopped.signal.aborted, false)
  await t.rejects(systemClock.sleep(60_000, AbortSignal.abort(reason)))
})

t.test('system errors are told by their code', async t => {
  t.equal(hasCode(Object.assign(new Error('x'), { code: 'ENOENT' }), 'EACCES', 'ENOENT'), true)
  for (const other of [new Error('x'), undefined, 'ENOENT', { code: 'ENOENT' }])
    t.equal(hasCode(other, 'ENOENT'), false)
})

t.test('a tree is removed whatever its names are made of, and however deep it goes', async t => {
  const place = join(t.testdir(), 'tree')
  mkdirSync(place)
  writeFileSync(Buffer.concat([Buffer.from(`${place}/`), Buffer.from([0xff, 0xfe])]), '')
  execFileSync('sh', ['-c', 'n=$(printf "d%.0s" $(seq 200)); for i in $(seq 40); do mkdir $n; cd $n; done; touch x'], {
    cwd: place,
    // A shell that cannot say where it is any more says so.
    stdio: 'ignore',
  })
  await removeTree(place)
  t.notOk(existsSync(place))
})
