import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { allDone } from './all-done.ts'
import { backoffMs } from './backoff.ts'
import { camelKey, mapKeys, snakeKey } from './case.ts'
import { systemClock } from './clock.ts'
import { createDurably, removeStaleTemps, writeDurably } from './durable.ts'
import { messageOf } from './error-code.ts'
import { isUuid, shortId, uuidV7 } from './ids.ts'
import { isFile } from './is-file.ts'
import { oneLine } from './printable.ts'
import { redactDeep, redactor } from './redact.ts'
import { removeTree } from './remove-tree.ts'

t.test('a sleep that is aborted rejects with the reason', async t => {
  const reason = new Error('enough')
  await t.rejects(systemClock.sleep(60_000, AbortSignal.abort(reason)), reason)
  const controller = new AbortController()
  const sleeping = systemClock.sleep(60_000, controller.signal)
  controller.abort(reason)
  await t.rejects(sleeping, reason)
})

t.test('a time beyond what one timer holds is not over at once', async t => {
  const warnings: string[] = []
  const listen = (warning: Error): void => void warnings.push(warning.name)
  process.on('warning', listen)
  const deadline = systemClock.deadline(9_999_999_999_000, new Error('late'))
  const controller = new AbortController()
  const sleeping = systemClock.sleep(2 ** 31, controller.signal).then(
    () => 'over',
    () => 'aborted',
  )
  await systemClock.sleep(10)
  t.equal(deadline.signal.aborted, false, 'the longest timeout a setting allows')
  deadline.stop()
  controller.abort(new Error('enough'))
  t.equal(await sleeping, 'aborted')
  process.off('warning', listen)
  t.strictSame(warnings, [])
})

t.test('the wait doubles up to its limit, and half of it is left to chance', async t => {
  const limits = { baseMs: 1000, maxMs: 10_000 }
  t.strictSame(
    [0, 1, 2, 3, 4, 99].map(failures => backoffMs(failures, limits, 0)),
    [500, 1000, 2000, 4000, 5000, 5000],
  )
  t.equal(backoffMs(0, limits, 0.5), 750)
  t.ok(backoffMs(99, limits, 0.999_999) <= 10_000)
})

t.test('all are done before the failure of one is told', async t => {
  const done: string[] = []
  const slow = systemClock.sleep(5).then(() => void done.push('slow'))
  await t.rejects(allDone([Promise.reject(new Error('first')), slow]), /first/)
  t.strictSame(done, ['slow'])
  t.strictSame(await allDone([Promise.resolve(1), Promise.resolve('a')]), [1, 'a'])
})

t.test('a write replaces whatever is there, a link included, and many at once leave one whole file', async t => {
  const place = t.testdir({ target: 'mine' })
  symlinkSync(join(place, 'target'), join(place, 'link'))
  await writeDurably(join(place, 'link'), 'new')
  t.equal(readFileSync(join(place, 'target'), 'utf8'), 'mine', 'what a link points to is left alone')
  t.ok(lstatSync(join(place, 'link')).isFile())
  t.equal(statSync(join(place, 'link')).mode & 0o777, 0o600)
  const contents = Array.from({ length: 20 }, (_, n) => String(n).repeat(10_000))
  await Promise.all(contents.map(content => writeDurably(join(place, 'x'), content)))
  t.ok(contents.includes(readFileSync(join(place, 'x'), 'utf8')))
  t.strictSame(readdirSync(place).sort(), ['link', 'target', 'x'])
})

t.test('creating where something dangles or nothing can be is told apart', async t => {
  const place = t.testdir()
  symlinkSync('/no/such/target', join(place, 'dangling'))
  t.equal(await createDurably(join(place, 'dangling'), 'x'), false)
  await t.rejects(createDurably(join(place, 'none/x'), 'x'), { code: 'ENOENT' })
  t.strictSame(readdirSync(place), ['dangling'])
})

t.test('what a killed writer left is removed when it is old enough to be nobody’s', async t => {
  const place = t.testdir({ 'a.json.1.tmp': '', 'a.json': '', 'b.tmp': '', dir: { 'c.tmp': '' } })
  utimesSync(join(place, 'a.json.1.tmp'), 1000, 1000)
  await removeStaleTemps(place, new Date(Date.now() - 1000))
  t.strictSame(readdirSync(place).sort(), ['a.json', 'b.tmp', 'dir'])
})

t.test('a tree that was made unreadable goes, what its links point to stays as it is', async t => {
  const place = t.testdir({ outside: { kept: 'x' }, tree: { a: { b: { file: '' } } } })
  const outside = join(place, 'outside')
  chmodSync(outside, 0o500)
  symlinkSync(outside, join(place, 'tree/a/link'))
  const paths = ['tree/a/b', 'tree/a', 'tree'].map(path => join(place, path))
  for (const path of [...paths, place]) give(path)
  for (const path of paths) chmodSync(path, 0)
  await asNobody(() => removeTree(join(place, 'tree')))
  t.notOk(existsSync(join(place, 'tree')))
  t.equal(statSync(outside).mode & 0o777, 0o500)
  t.equal(readFileSync(join(outside, 'kept'), 'utf8'), 'x')
  chmodSync(outside, 0o700)
  mkdirSync(join(place, 'more'))
  symlinkSync(outside, join(place, 'more/link'))
  await removeTree(join(place, 'more'))
  t.ok(existsSync(join(outside, 'kept')))
})

t.test('a file is a file, and what cannot be one is none', async t => {
  const place = t.testdir({ file: '', directory: {} })
  symlinkSync('nowhere', join(place, 'dangling'))
  for (const [path, is] of [
    ['file', true],
    ['directory', false],
    ['none', false],
    ['file/below', false],
    ['dangling', false],
  ] as const) {
    t.equal(await isFile(join(place, path)), is, path)
  }
})

t.test('a key is one in both spellings, and only keys are changed', async t => {
  for (const key of ['id', 'startedAt', 'totalCostUsd', 'maxBudgetUsd', 'prUrl']) t.equal(camelKey(snakeKey(key)), key)
  t.equal(snakeKey('totalCostUsd'), 'total_cost_usd')
  t.strictSame(mapKeys({ aB: { cD: 1 }, eF: undefined, gH: null, iJ: 0 }, snakeKey), {
    a_b: { cD: 1 },
    g_h: null,
    i_j: 0,
  })
  t.equal(Object.getPrototypeOf(mapKeys(JSON.parse('{"__proto__":1}'), key => key)), Object.prototype)
})

t.test('a secret is blanked every time, in keys too, and the text around it is untouched', async t => {
  const secret = 'ghp_$&.*(canary)'
  const redact = redactor([secret, 'another-one'])
  t.equal(redact(`${secret}${secret} x ${secret}\nanother-one`), '****** x ***\n***')
  t.equal(redact('$& stays'), '$& stays')
  t.equal(redactor([])('any text'), 'any text')
  t.equal(redactor(['abcdefgh', 'xxabcdefghyy'])('xxabcdefghyy abcdefgh'), '*** ***')
  t.notMatch(JSON.stringify(redactDeep({ env: { [secret]: 1 } }, redact)), 'canary', 'a key is a string, too')
})

t.test('a line that is cut is still text', async t => {
  for (let width = 1; width < 12; width++) {
    const line = oneLine('ab🌈🌈🌈cd🌈', width)
    t.ok(line.isWellFormed(), `${width}: ${JSON.stringify(line)}`)
    t.ok(line.length <= width)
  }
  t.equal(oneLine('exact', 5), 'exact')
  t.equal(oneLine('\u001b[31m \u001b[0m', 5), '')
})

t.test('an id begins with its time', async t => {
  const id = uuidV7(new Date(0x0123456789ab))
  t.match(id, /^01234567-89ab-7/)
  t.equal(shortId(id).length, 12)
  for (const text of ['', id.toUpperCase(), `${id}\n`, ` ${id}`, id.replaceAll('-', '')]) t.notOk(isUuid(text), text)
})

t.test('whatever is thrown has a message', async t => {
  for (const [thrown, message] of [
    [new Error('x'), 'x'],
    ['text', 'text'],
    [undefined, 'undefined'],
    [{ toString: () => 'made' }, 'made'],
  ] as const) {
    t.equal(messageOf(thrown), message)
  }
})

/** Root may do everything: then it is somebody else who is kept out. */
const nobody = 65_534
const isRoot = process.getuid?.() === 0

function give(path: string): void {
  if (isRoot) chownSync(path, nobody, nobody)
}

async function asNobody(act: () => Promise<void>): Promise<void> {
  if (isRoot) process.seteuid?.(nobody)
  try {
    await act()
  } finally {
    if (isRoot) process.seteuid?.(0)
  }
}
