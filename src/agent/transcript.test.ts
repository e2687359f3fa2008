import { mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { systemClock } from '../util/clock.ts'
import { runShell } from './shell.ts'
import { copyTranscript, transcriptOf } from './transcript.ts'

const user = '{"type":"user"}\n'

t.test('a transcript is copied line by line, without secrets', async t => {
  const dir = t.testdir({ a: `${user}{"text":"secret"}\n` })
  t.equal(await copyTranscript(join(dir, 'a'), join(dir, 'deep/b'), text => text.replace('secret', '***')), true)
  t.equal(await readFile(join(dir, 'deep/b'), 'utf8'), `${user}{"text":"***"}\n`)
  t.equal(await copyTranscript(join(dir, 'none'), join(dir, 'c')), false)
})

t.test('what no conversation has made is refused, and nothing is left of it', async t => {
  const dir = t.testdir({ long: user, huge: user, to: {} })
  await writeFile(join(dir, 'long'), Buffer.concat([Buffer.from(user), Buffer.alloc(17 * 1024 * 1024, 'x')]))
  await truncate(join(dir, 'huge'), 700 * 1024 * 1024)
  await t.rejects(copyTranscript(join(dir, 'long'), join(dir, 'to/long')), { message: /a line of \d+ characters/ })
  await t.rejects(copyTranscript(join(dir, 'huge'), join(dir, 'to/huge')), { message: /more than/ })
  t.same(await readdir(join(dir, 'to')), [])
})

t.test('one without a user in it is none to go on with', async t => {
  const dir = t.testdir()
  const project = join(dir, 'projects/p')
  await mkdir(project, { recursive: true })
  await writeFile(join(project, 's.jsonl'), '{"type":"summary"}\n')
  t.equal(await transcriptOf(dir, 's'), undefined)
  await writeFile(join(project, 's.jsonl'), user)
  t.equal(await transcriptOf(dir, 's'), join(project, 's.jsonl'))
})

t.test('a command that takes too long is ended, and what it printed is kept', async t => {
  const call = { env: { PATH: process.env.PATH ?? '' }, cwd: t.testdir(), user: undefined, clock: systemClock }
  const signal = new AbortController().signal
  const late = await runShell({ ...call, command: 'echo said; echo more >&2; sleep 60', seconds: 0.3, signal })
  t.same(late, { ok: false, end: 'it took more than 0.3 s', output: 'said\nmore\n' })
  const gone = await runShell({ ...call, cwd: join(call.cwd, 'gone'), command: 'true', seconds: 60, signal })
  t.match(gone, { ok: false, end: /could not be started: ENOENT|^it could not/ })
  const reason = new Error('enough')
  await t.rejects(runShell({ ...call, command: 'sleep 60', seconds: 60, signal: AbortSignal.abort(reason) }), reason)
})
