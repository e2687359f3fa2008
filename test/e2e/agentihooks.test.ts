import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type AgentihooksUnderTest, agentihooks, logged, pushed, ran, said, settled } from '../helpers/agentihooks.ts'
import { startDaemon } from '../helpers/daemon.ts'
import { bash, scriptedAgent, world } from '../helpers/e2e.ts'

const found = await agentihooks()
const skip = 'missing' in found ? found.missing : false
const real: AgentihooksUnderTest =
  'missing' in found ? { bin: '', version: '', isOpen: false, checkout: () => undefined } : found

/** A server with agentihooks on its PATH. */
async function serving(t: Test, env: Readonly<Record<string, string>> = {}) {
  const skills = bash('ls "$CLAUDE_CONFIG_DIR/skills" "$CLAUDE_CONFIG_DIR/rules"; echo by-$HOME')
  const all = await world(t, [{ turns: [skills, { text: 'Done.' }] }])
  const start = async (more: Readonly<Record<string, string>> = {}) => {
    const path = { PATH: `${real.bin}:${process.env.PATH}` }
    return await startDaemon(t, all.cli, { env: { ...path, AGENTICORE_LOG_LEVEL: 'info', ...env, ...more } })
  }
  return { ...all, start }
}

t.setTimeout(400_000)

t.test('the installed one: what it brings is the base of every job', { skip }, async t => {
  const { start, model, cli } = await serving(t)
  const daemon = await start()
  t.equal(await settled(daemon), `${real.version}, profile default, from ${real.bin}/agentihooks`)
  t.equal(logged(daemon, /has no profile \\"coding\\".*there are: default, package. default is taken/), 1)
  t.match((await daemon.request('GET', '/profiles')).json.profiles, [
    { name: 'coding', source: 'built in' },
    { name: 'default', source: 'agentihooks', model: 'sonnet' },
    { name: 'review', source: 'built in' },
  ])
  const { job, events } = await ran(daemon)
  t.match(job, { status: 'succeeded' })
  const asked = said(model)
  t.match(asked, 'mcp__agentihooks__', 'its MCP server is there')
  t.match(events, /multi-agent-chat/, 'its skills')
  t.match(events, /agentihooks-toolbelt\.md/, 'its rules')
  const memory = readFileSync(join(cli.home, '.agenticore/agentihooks/home/.claude/CLAUDE.md'), 'utf8')
  t.ok(asked.includes(JSON.stringify(memory.trim().split('\n').at(-1)).slice(1, -1)), 'its CLAUDE.md')
  t.notOk(existsSync(join(cli.home, '.claude')), 'nothing of it in the home of who started the server')
  t.notOk(existsSync(join(cli.home, '.bashrc')))

  const review = await ran(daemon, 'review')
  t.match(review.job, { status: 'succeeded' })
  t.notMatch(review.events, /"by-/, 'what agentihooks allows opens nothing that a profile closes')
})

t.test('a checkout in front of it: used as it lies there, and not written to', { skip }, async t => {
  const { start, model } = await serving(t)
  const checkout = join(t.testdirName, 'checkout')
  real.checkout(checkout, 'OF-THE-CHECKOUT')
  const all = () => readdirSync(checkout, { recursive: true }).sort()
  const before = all()
  const daemon = await start({
    AGENTICORE_AGENTIHOOKS_PATH: checkout,
    AGENTICORE_AGENTIHOOKS_URL: 'https://git.invalid/never-asked',
    AGENTIHOOKS_PROFILE: 'default',
  })
  t.match(await settled(daemon), new RegExp(`, profile default, from ${checkout}$`))
  t.match((await ran(daemon)).job, { status: 'succeeded' })
  t.match(said(model), 'OF-THE-CHECKOUT')
  t.same(all(), before, 'neither by agentihooks, nor by its hooks')
})

t.test('a repository: cloned and installed once for a commit, and again for the next one', { skip }, async t => {
  const { start, model, github } = await serving(t, { AGENTIHOOKS_PROFILE: 'default' })
  const source = join(t.testdirName, 'source')
  real.checkout(source, 'OF-THE-CLONE')
  const repo = await github.createRepo({ owner: 'o', name: 'agentihooks', files: { 'x.txt': 'x\n' } })
  await pushed(source, repo.path)
  const shared = join(t.testdirName, 'shared')
  mkdirSync(shared)
  const env = { AGENTICORE_AGENTIHOOKS_URL: repo.cloneUrl, AGENTICORE_SHARED_FS_ROOT: shared }
  const first = await start(env)
  t.equal(await settled(first), `${real.version}.dev1, profile default, from ${repo.cloneUrl}`)
  t.match((await ran(first)).job, { status: 'succeeded' })
  t.match(said(model), 'OF-THE-CLONE')
  await first.stop()
  const clones = (): string[] => readdirSync(join(shared, 'agentihooks')).filter(name => /-[0-9a-f]{12}$/.test(name))
  const [clone = ''] = clones()
  writeFileSync(join(shared, 'agentihooks', clone, 'source/kept'), '')
  const second = await start(env)
  t.match(await settled(second), /profile default/)
  await second.stop()
  t.ok(existsSync(join(shared, 'agentihooks', clone, 'source/kept')), 'the same commit is not cloned again')
  writeFileSync(join(source, 'y.txt'), 'y\n')
  await pushed(source, repo.path)
  const third = await start(env)
  t.match(await settled(third), /profile default/)
  t.equal(clones().length, 2, 'agents elsewhere may still run on the older one')
})

t.test('what cannot be installed is said, and jobs run without it', { skip }, async t => {
  const { start, github, cli } = await serving(t)
  const broken = join(t.testdirName, 'broken')
  real.checkout(broken, 'BROKEN')
  writeFileSync(join(broken, 'scripts/install.py'), 'this is no Python\n')
  const empty = join(t.testdirName, 'empty')
  mkdirSync(empty)
  const repo = await github.createRepo({ owner: 'o', name: 'no-package', files: { 'x.txt': 'x\n' } })
  // What an earlier server had is not to stay in place.
  const good = await start()
  t.match(await settled(good), /profile default/)
  await good.stop()
  for (const [env, says] of [
    [{ AGENTICORE_AGENTIHOOKS_PATH: empty }, /is no checkout of agentihooks: it has no scripts\/install\.py/],
    [{ AGENTICORE_AGENTIHOOKS_PATH: broken }, /SyntaxError/],
    [{ AGENTICORE_AGENTIHOOKS_PATH: broken, PATH: process.env.PATH ?? '' }, /there is none on the PATH/],
    [{ AGENTICORE_AGENTIHOOKS_URL: `${github.url}/o/nothing.git` }, /nothing\.git/],
    [{ AGENTICORE_AGENTIHOOKS_URL: 'no address' }, /no address/],
    [{ AGENTICORE_AGENTIHOOKS_URL: repo.cloneUrl }, /setup\.py|pyproject\.toml|not appear to be a Python project/],
  ] as const) {
    // That hooks are gone is shown with Claude Code, where a program is gone.
    const daemon = await start({ ...env, ...scriptedAgent })
    const state = await settled(daemon)
    t.match(state, /^failed: /)
    t.match(state, says)
    t.equal(logged(daemon, /agentihooks could not be installed; jobs run without it/), 1)
    const doctor = await cli(['doctor', '--json'], { env: { PATH: `${real.bin}:${process.env.PATH}`, ...env } })
    const line = JSON.parse(doctor.stdout).find(({ check }: { check: string }) => check === 'agentihooks')
    t.match(line, { status: /warning|error/, message: says }, 'doctor says the same')
    const names = (await daemon.request('GET', '/profiles')).json.profiles.map(({ name }: { name: string }) => name)
    t.strictSame(names, ['coding', 'review'])
    t.match((await ran(daemon)).job, { status: 'succeeded' })
    await daemon.stop()
  }
})
