import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import t from 'tap'
import { markerVariable } from '../util/marker.ts'
import { BoundedText } from './bounded-text.ts'
import { runCommand } from './command.ts'
import { type Line, lines } from './lines.ts'
import { LingerGuard } from './linger.ts'
import { type StreamedProgram, startStreamed } from './stream.ts'
import { sweepMarked } from './sweep.ts'
import { which } from './which.ts'

const notRoot = process.getuid?.() === 0 ? false : 'only root can start a process with capabilities of its own'
const env = { PATH: process.env.PATH ?? '' }
const sh = (script: string) => ({ file: '/bin/sh', args: ['-c', script], env })

const program = (script: string, more: Partial<StreamedProgram> = {}): StreamedProgram => ({
  ...sh(script),
  cwd: '/',
  input: '',
  descriptors: new Map(),
  maxLineBytes: 1000,
  killAfterMs: 200,
  signal: new AbortController().signal,
  onOutput: () => undefined,
  ...more,
})

async function all(source: AsyncIterable<Line>): Promise<Line[]> {
  const found: Line[] = []
  for await (const line of source) found.push(line)
  return found
}

const isAlive = (pid: number): boolean => {
  try {
    // A zombie still has a directory. (Its command line would not do: in the middle of an exec that is empty, too.)
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

t.test('a command ends in one shape, however it ends', async t => {
  t.match(await runCommand(sh('echo out; echo err >&2')), {
    ok: true,
    exitCode: 0,
    stdout: 'out\n',
    stderr: 'err\n',
    missing: false,
  })
  t.match(await runCommand(sh('exit 7')), { ok: false, exitCode: 7, missing: false })
  const killed = await runCommand(sh('kill -KILL $$'))
  t.match(killed, { ok: false, signal: 'SIGKILL' })
  t.equal(killed.exitCode, undefined)
  t.match(await runCommand({ ...sh(''), file: '/no/such/program' }), { ok: false, missing: true })
})

t.test('what is started for us has none of the rights that are for starting agents', { skip: notRoot }, async t => {
  const four = '-all,+setuid,+setgid,+kill,+chown'
  const daemon = [
    '--reuid',
    '1000',
    '--regid',
    '1000',
    '--clear-groups',
    `--inh-caps=${four}`,
    `--ambient-caps=${four}`,
  ]
  const commands = [['grep', '-E', '^Cap(Inh|Prm|Eff|Amb)', '/proc/self/status'], ['/no/such/program']]
  const { stdout } = await runCommand({
    file: 'setpriv',
    args: [...daemon, process.execPath, '--input-type=module', '-e', startsFor(commands)],
    env,
  })
  const [rights, missing] = JSON.parse(stdout)
  t.match(rights, { ok: true, stdout: /^(Cap(Inh|Prm|Eff|Amb):\t0+\n){4}$/ })
  t.match(missing, { ok: false, missing: true })
})

/** A program that prints how commands ended that it ran. */
const startsFor = (commands: readonly (readonly string[])[]): string => `
const { runCommand } = await import(${JSON.stringify(new URL('command.ts', import.meta.url).href)})
const ends = []
for (const [file, ...args] of ${JSON.stringify(commands)}) ends.push(await runCommand({ file, args, env: process.env }))
console.log(JSON.stringify(ends))`

t.test('a child gets its input and exactly the environment it is given', async t => {
  const { stdout } = await runCommand({ file: '/usr/bin/env', args: ['-0'], env: { ONLY: 'this' } })
  // What tap itself adds to the children of a test is not ours.
  const ours = stdout.split('\0').filter(entry => !/^(_TAPJS_|NODE_OPTIONS=|$)/.test(entry))
  t.strictSame(ours, ['ONLY=this'])
  t.equal((await runCommand({ ...sh('cat'), input: 'hello' })).stdout, 'hello')
  t.equal((await runCommand(sh('cat'))).stdout, '', 'without input it reads nothing, and does not wait')
})

t.test('output beyond the limit is dropped and said; output for a file goes there', async t => {
  const limited = await runCommand({
    ...sh('yes | head -c 100000; yes 2 | head -c 100000 >&2; echo end >&2'),
    maxOutputBytes: 10,
  })
  t.match(limited, { stdout: 'y\ny\ny\ny\ny\n', truncated: true, exitCode: 0 })
  t.ok(limited.stderr.endsWith('end\n') && limited.stderr.length === 64 * 1024)
  const outputFile = join(t.testdir(), 'out')
  t.equal((await runCommand({ ...sh('echo there'), outputFile })).stdout, '')
  t.equal(readFileSync(outputFile, 'utf8'), 'there\n')
})

t.test('a daemon that a command leaves behind does not hold us up', async t => {
  const result = await runCommand(sh('sleep 1000 & echo $!; echo said >&2; exit 4'))
  t.match(result, { exitCode: 4, stderr: 'said\n' })
  process.kill(Number(result.stdout), 'SIGKILL')
})

t.test('an aborted command rejects with the reason when the child is gone', async t => {
  const pidFile = join(t.testdir(), 'pid')
  const controller = new AbortController()
  const reason = new Error('enough')
  const running = runCommand({
    ...sh(`echo $$ > ${pidFile}.tmp; mv ${pidFile}.tmp ${pidFile}; exec sleep 1000`),
    signal: controller.signal,
  })
  const abort = setInterval(() => existsSync(pidFile) && controller.abort(reason), 5)
  await t.rejects(running, reason)
  clearInterval(abort)
  t.notOk(isAlive(Number(readFileSync(pidFile, 'utf8'))))
  await t.rejects(runCommand({ ...sh('true'), signal: AbortSignal.abort(reason) }), reason)
})

t.test('bounded text keeps the beginning or the end, whatever the chunks', async t => {
  for (const size of [1, 3, 7, 100]) {
    const [first, last] = [new BoundedText(10), new BoundedText(10, 'keep the end')]
    const text = 'abcdefghijklmnopqrstuvwxyz'
    for (let at = 0; at < text.length; at += size) {
      first.add(Buffer.from(text.slice(at, at + size)))
      last.add(Buffer.from(text.slice(at, at + size)))
    }
    t.strictSame([first.text(), first.truncated, last.text(), last.truncated], ['abcdefghij', true, 'qrstuvwxyz', true])
  }
  const exact = new BoundedText(3)
  exact.add(Buffer.from('abc'))
  t.strictSame([exact.text(), exact.truncated], ['abc', false])
})

t.test('lines come whole across chunks; one that is too long is dropped and counted', async t => {
  const stream = new PassThrough()
  const read = all(lines(stream, 5))
  for (const chunk of ['a', 'b\nc', '\n\nto', 'o long', '\n', Buffer.from([0xc3]), Buffer.from([0xbc, 0x0a]), 'last'])
    stream.write(chunk)
  stream.end()
  t.strictSame(await read, [
    { text: 'ab' },
    { text: 'c' },
    { text: '' },
    { droppedBytes: 8 },
    { text: 'ü' },
    { text: 'last' },
  ])
})

t.test(
  'a streamed program reads its input and its descriptors; the secret is in no argument and no variable',
  async t => {
    const script = 'cat; cat <&5; echo; tr "\\0" " " < /proc/$$/cmdline; tr "\\0" " " < /proc/$$/environ; exit 3'
    const child = startStreamed(program(script, { input: 'task\n', descriptors: new Map([[5, 's3cret']]) }))
    const [input, secret, ...rest] = await all(child.lines)
    t.strictSame([input, secret], [{ text: 'task' }, { text: 's3cret' }])
    t.notMatch(JSON.stringify(rest), 's3cret')
    t.match(await child.ended, { exitCode: 3, missing: false })
  },
)

t.test('a program that reads nothing, or is not there, ends all the same', async t => {
  const input = 'x'.repeat(1024 * 1024)
  const deaf = startStreamed(program('exec true', { input, descriptors: new Map([[5, input]]) }))
  t.strictSame(await all(deaf.lines), [])
  t.match(await deaf.ended, { exitCode: 0 })
  const missing = startStreamed({ ...program(''), file: '/no/such/program' })
  t.strictSame(await all(missing.lines), [])
  t.match(await missing.ended, { missing: true })
})

t.test('nothing is lost of a program that is gone before anybody reads', async t => {
  const child = startStreamed(program('echo one; echo two'))
  await child.exited
  // Whatever its end brings about has come about.
  for (let turns = 0; turns < 10; turns++) await new Promise(setImmediate)
  t.strictSame(await all(child.lines), [{ text: 'one' }, { text: 'two' }])
})

t.test('a program that ignores SIGTERM is killed', async t => {
  const controller = new AbortController()
  const child = startStreamed(
    program('trap "" TERM; echo up; while :; do sleep 0.01; done', { signal: controller.signal }),
  )
  for await (const line of child.lines) {
    t.strictSame(line, { text: 'up' })
    controller.abort(new Error('enough'))
  }
  t.match(await child.ended, { signal: 'SIGKILL' })
})

t.test('a child of a child that holds the output open does not hold us up', async t => {
  const child = startStreamed(program('sleep 1000 & echo $!; exit 0'))
  const [line] = await all(child.lines)
  t.match(await child.ended, { exitCode: 0 })
  process.kill(Number(line && 'text' in line ? line.text : 0), 'SIGKILL')
})

t.test('nor does one that holds the standard error alone', async t => {
  const child = startStreamed(program('sleep 1000 > /dev/null & echo $!; exit 0'))
  const [line] = await all(child.lines)
  t.match(await child.ended, { exitCode: 0 })
  process.kill(Number(line && 'text' in line ? line.text : 0), 'SIGKILL')
})

t.test('nothing is lost of what came, however long whoever reads it takes', async t => {
  const child = startStreamed(program('seq 1 20000; sleep 1000 & echo pid $!; exit 0'), {
    idleMs: 100,
    longestMs: 10_000,
  })
  const seen: string[] = []
  for await (const line of child.lines) {
    const text = 'text' in line ? line.text : ''
    seen.push(text)
    // Longer than output that brings nothing is waited for.
    if (text === '1') await Promise.all([child.exited, runCommand(sh('sleep 0.3'))])
  }
  t.equal(seen.length, 20_001)
  process.kill(Number(seen.at(-1)?.replace('pid ', '')), 'SIGKILL')
})

t.test('output that somebody else keeps writing to after the exit is cut off', async t => {
  const child = spawn('/bin/sh', ['-c', 'while :; do echo more; sleep 0.01; done & echo $!; exit 0'], { env })
  const guard = new LingerGuard(child, { idleMs: 10_000, longestMs: 50 })
  guard.waiting()
  const seen: string[] = []
  child.stdout.on('data', chunk => {
    guard.touch()
    seen.push(String(chunk))
  })
  await new Promise(resolve => child.stdout.on('close', resolve))
  guard.stop()
  process.kill(Number(/\d+/.exec(seen.join(''))?.[0]), 'SIGKILL')
  t.match(seen.join(''), /more\nmore/)
})

t.test('an aborted command takes its helpers with it', async t => {
  const pidFile = join(t.testdir(), 'pid')
  const controller = new AbortController()
  const script = `sh -c 'echo $$ > ${pidFile}.tmp; mv ${pidFile}.tmp ${pidFile}; while :; do sleep 0.01; done' & wait`
  const running = runCommand({ ...sh(script), signal: controller.signal })
  const abort = setInterval(() => existsSync(pidFile) && controller.abort(new Error('enough')), 5)
  await t.rejects(running, /enough/)
  clearInterval(abort)
  t.notOk(isAlive(Number(readFileSync(pidFile, 'utf8'))))
})

t.test('a sweep kills what carries the marker, sessions of their own included, and nothing else', async t => {
  const marker = `test-${process.pid}/1`
  const script = 'setsid nohup sleep 1000 > /dev/null 2>&1 & echo $!; (setsid sleep 1001 > /dev/null 2>&1 & echo $!)'
  const pidsOf = async (env: Record<string, string>) =>
    (await runCommand({ ...sh(script), env })).stdout.trim().split('\n').map(Number)
  const marked = await pidsOf({ ...env, [markerVariable]: marker })
  const others = await pidsOf({ ...env, [markerVariable]: `${marker}0` })
  t.ok([...marked, ...others].every(isAlive))
  t.ok((await sweepMarked(marker)) >= 2)
  t.strictSame(marked.filter(isAlive), [])
  t.ok(others.every(isAlive), 'a marker that only begins the same is another one')
  t.equal(await sweepMarked(marker), 0)
  await sweepMarked(`${marker}0`)
  t.strictSame(others.filter(isAlive), [])
})

t.test('programs are found as a shell finds them', async t => {
  const place = t.testdir({ a: { tool: '', plain: '' }, b: { tool: '' } })
  for (const file of ['a/tool', 'b/tool']) chmodSync(join(place, file), 0o755)
  mkdirSync(join(place, 'a/dir'))
  writeFileSync(join(place, 'a/plain'), '')
  const path = `relative:${place}/none:${place}/a:${place}/b`
  t.equal(await which('tool', path), `${place}/a/tool`)
  t.equal(await which(`${place}/b/tool`, ''), `${place}/b/tool`)
  for (const name of ['plain', 'none', 'dir', '']) t.equal(await which(name, path), undefined, name)
})
