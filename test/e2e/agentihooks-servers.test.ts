import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type AgentihooksUnderTest, agentihooks, logged, pushed, ran, said, settled } from '../helpers/agentihooks.ts'
import { cliFor } from '../helpers/cli.ts'
import { startDaemon } from '../helpers/daemon.ts'
import { bash, jobIn, modelKey, scriptedAgent, world } from '../helpers/e2e.ts'

const found = await agentihooks()
const skip = 'missing' in found ? found.missing : false
const real: AgentihooksUnderTest =
  'missing' in found ? { bin: '', version: '', isOpen: false, checkout: () => undefined } : found
const isRoot = process.getuid?.() === 0
const skipUsers =
  skip || (isRoot && real.isOpen ? false : 'only root can start agents as other users, on a Python they get to')

/** A machine on which other users get to what agents need, and whose umask lets nobody read anything. */
async function machine(t: Test, launcher: readonly string[] = ['sh', '-c', 'umask 077; exec "$0" "$@"']) {
  const place = mkdtempSync(join(tmpdir(), 'agenticore-agentihooks-'))
  t.teardown(() => rmSync(place, { recursive: true, force: true }))
  chmodSync(place, 0o711)
  const { model, github } = await world(t, [{ turns: [bash('echo worked'), { text: 'Done.' }] }])
  mkdirSync(join(place, 'tmp'))
  const cliIn = (home: string) => {
    mkdirSync(join(place, `${home}-worktrees`), { recursive: true })
    return cliFor(
      join(place, home),
      {
        PATH: `${real.bin}:${process.env.PATH}`,
        ANTHROPIC_API_KEY: modelKey,
        ANTHROPIC_BASE_URL: model.url,
        AGENTIHOOKS_PROFILE: 'default',
        AGENTICORE_WORKTREE_ROOT: join(place, `${home}-worktrees`),
        AGENTICORE_LOG_LEVEL: 'info',
        TMPDIR: join(place, 'tmp'),
      },
      launcher,
    )
  }
  /** A checkout whose hooks write down which event came to which user. */
  const checkout = (name: string, memory: string): { checkout: string; events(): string } => {
    const log = join(place, `${name}.log`)
    writeFileSync(log, '', { mode: 0o666 })
    chmodSync(log, 0o666)
    real.checkout(join(place, name), memory)
    const main = join(place, name, 'hooks/__main__.py')
    const noted = `import json, os, sys, io
said = sys.stdin.read()
sys.stdin = io.StringIO(said)
event = json.loads(said or '{}').get('hook_event_name', 'none')
open(${JSON.stringify(log)}, 'a').write(f'{event} {os.getuid()}\\n')
`
    writeFileSync(main, `${noted}${readFileSync(main, 'utf8').replace(/^""".*?"""/s, '')}`)
    return { checkout: join(place, name), events: () => readFileSync(log, 'utf8') }
  }
  return { place, model, github, cliIn, cli: cliIn('home'), checkout }
}

t.setTimeout(400_000)

t.test(
  'hooks run for agents that are users of their own, from a clone and from a checkout',
  { skip: skipUsers },
  async t => {
    const { cli, model, github, checkout } = await machine(t)
    const ours = checkout('ours', 'OF-OURS')
    const repo = await github.createRepo({ owner: 'o', name: 'agentihooks', files: { 'x.txt': 'x\n' } })
    await pushed(ours.checkout, repo.path)
    for (const [name, env] of Object.entries({
      clone: { AGENTICORE_AGENTIHOOKS_URL: repo.cloneUrl, GITHUB_API_URL: github.url },
      checkout: { AGENTICORE_AGENTIHOOKS_PATH: ours.checkout },
    })) {
      const before = ours.events().length
      const daemon = await startDaemon(t, cli, { env: { ...env, AGENTICORE_AGENT_ISOLATION: 'user' } })
      t.match(await settled(daemon), /profile default, from/, name)
      t.match((await ran(daemon)).job, { status: 'succeeded', num_turns: 2 })
      t.match(ours.events().slice(before), /^none 2\d{4}\n(.*\n)*UserPromptSubmit 2\d{4}\n(.*\n)*PreToolUse 2\d{4}\n/)
      await daemon.stop()
    }
    t.match(said(model), 'OF-OURS')
  },
)

t.test('hooks that agents cannot get to are not given to them', { skip: skipUsers }, async t => {
  const { cli, model, checkout } = await machine(t)
  const closed = checkout('closed', 'OF-THE-CLOSED').checkout
  chmodSync(closed, 0o700)
  const env = { AGENTICORE_AGENTIHOOKS_PATH: closed, AGENTICORE_AGENT_ISOLATION: 'user' }
  const daemon = await startDaemon(t, cli, { env })
  t.match(
    await settled(daemon),
    /^failed: \/bin\/sh -c ended with \d+: .*(can't cd to|No module named|Permission denied).* get to agentihooks and to its Python, \//s,
  )
  t.match((await ran(daemon)).job, { status: 'succeeded', num_turns: 2 })
  t.notMatch(said(model), 'OF-THE-CLOSED')
})

t.test('a layer whose program is gone is not used, by a server or by a job in the foreground', { skip }, async t => {
  const { cli, place, model, checkout } = await machine(t)
  const gone = checkout('gone', 'OF-WHAT-IS-GONE').checkout
  const daemon = await startDaemon(t, cli, { env: { AGENTICORE_AGENTIHOOKS_PATH: gone } })
  t.match(await settled(daemon), /profile default/)
  t.match((await ran(daemon)).job, { status: 'succeeded' })
  t.match(said(model), 'OF-WHAT-IS-GONE')
  const asked = model.requests.length
  rmSync(gone, { recursive: true })
  const { job, events } = await ran(daemon)
  t.match(job, { status: 'succeeded', num_turns: 2 })
  t.match(events, `agentihooks installed is not used: ${join(place, 'gone')} is gone`)
  const names = (await daemon.request('GET', '/profiles')).json.profiles.map(({ name }: { name: string }) => name)
  t.strictSame(names, ['coding', 'review'])
  await daemon.stop()
  const local = await cli(['run', 'Look', '--local', '--json'])
  t.match(jobIn(local), { status: 'succeeded', num_turns: 2 })
  t.notMatch(JSON.stringify(model.requests.slice(asked)), 'OF-WHAT-IS-GONE')
})

t.test(
  'servers on one volume share a clone, and of one home a layer; what none uses goes after a week',
  { skip },
  async t => {
    const { cliIn, place, github, checkout } = await machine(t)
    const repo = await github.createRepo({ owner: 'o', name: 'agentihooks', files: { 'x.txt': 'x\n' } })
    await pushed(checkout('ours', 'OF-OURS').checkout, repo.path)
    const shared = join(place, 'shared')
    const clones = join(shared, 'agentihooks')
    const old = join(clones, '0123456789ab-cpython-311-x86_64-old')
    mkdirSync(old, { recursive: true })
    symlinkSync('0123456789ab-cpython-311-x86_64-gone', join(clones, '0123456789ab-cpython-311-x86_64'))
    utimesSync(old, new Date(), new Date(Date.now() - 8 * 86_400_000))
    const env = {
      AGENTICORE_AGENTIHOOKS_URL: repo.cloneUrl,
      GITHUB_API_URL: github.url,
      AGENTICORE_SHARED_FS_ROOT: shared,
    }
    const servers = await Promise.all(
      ['one', 'one', 'two'].map((home, index) => {
        const own = {
          AGENTICORE_JOBS_DIR: join(place, `jobs-${index}`),
          AGENTICORE_CONTROL_SOCKET: join(place, `${index}.sock`),
        }
        // Hooks run from the one clone they share.
        return startDaemon(t, cliIn(home), { env: { ...env, ...own, ...(index === 1 ? scriptedAgent : {}) } })
      }),
    )
    for (const server of servers) t.match(await settled(server), `from ${repo.cloneUrl}`)
    const names = readdirSync(clones).filter(name => name !== '.locks')
    t.equal(names.length, 2, `a clone and the link to it: ${names}`)
    t.notOk(existsSync(old))
    for (const server of servers) t.match((await ran(server)).job, { status: 'succeeded' })
  },
)

t.test('what cannot be removed of an earlier one is said, and not used', { skip: skip || !isRoot }, async t => {
  const { cli, place } = await machine(t, [
    'setpriv',
    '--reuid',
    '1000',
    '--regid',
    '1000',
    '--clear-groups',
    '--inh-caps=-all',
  ])
  const layer = join(cli.home, '.agenticore/agentihooks/layer')
  mkdirSync(join(layer, 'theirs/deep'), { recursive: true })
  writeFileSync(join(layer, 'theirs/manifest.json'), '{"needs": []}')
  symlinkSync('theirs', join(layer, 'current'))
  appendFileSync(join(layer, 'theirs/deep/file'), 'x')
  for (const path of ['', '.agenticore', '.agenticore/agentihooks', 'tmp']) chownSync(join(cli.home, path), 1000, 1000)
  for (const path of [layer, join(place, 'tmp')]) chownSync(path, 1000, 1000)
  const worktrees = join(place, 'home-worktrees')
  chownSync(worktrees, 1000, 1000)

  const daemon = await startDaemon(t, cli, { env: { AGENTICORE_AGENTIHOOKS_PATH: '/nonexistent', ...scriptedAgent } })
  t.match(await settled(daemon), /^failed: /)
  t.equal(logged(daemon, /What agentihooks has left could not be removed: EPERM/), 1)
  t.throws(() => lstatSync(join(layer, 'current')), { code: 'ENOENT' })
  t.match((await ran(daemon)).job, { status: 'succeeded' })
})
