import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { UserSlots } from '../../src/process/slots.ts'
import { hasProcesses } from '../../src/process/user-processes.ts'
import { git, tryGit } from '../fixtures/github/git.ts'
import { type Cli, type CliResult, cliFor } from '../helpers/cli.ts'
import { bash, jobIn, modelKey, token, world } from '../helpers/e2e.ts'
import { attributes, nameOf, noGitLfs, pointerTo } from '../helpers/lfs.ts'
import { processesWith } from '../helpers/processes.ts'
import { agentCommit } from '../helpers/repos.ts'
import { addSubmodules } from '../helpers/submodules.ts'
import { until } from '../helpers/until.ts'

const skip = process.getuid?.() === 0 ? false : 'only root can start agents as other users'
const agents = join(import.meta.dirname, '../fixtures/agents')
const halves = ['canary-', 'b1d5e7f3a9']
const canary = halves.join('')

/** A machine on which other users can get to what agents need, and to nothing else. */
function machine(t: Test, isolation: 'user' | 'none', launcher: readonly string[] = []) {
  const place = mkdtempSync(join(tmpdir(), 'agenticore-isolation-'))
  t.teardown(() => rmSync(place, { recursive: true, force: true }))
  chmodSync(place, 0o711)
  const worktrees = join(place, 'worktrees')
  mkdirSync(join(place, 'tmp'))
  const cli = cliFor(
    join(place, 'home'),
    {
      ANTHROPIC_API_KEY: `sk-ant-${canary}`,
      GITHUB_TOKEN: `${canary}-token`,
      AGENTICORE_AGENT_ISOLATION: isolation,
      AGENTICORE_WORKTREE_ROOT: worktrees,
      AGENTICORE_REPOS_ROOT: join(place, 'repos'),
      TMPDIR: join(place, 'tmp'),
    },
    launcher,
  )
  chmodSync(join(place, 'home'), 0o700)
  return { cli, place, worktrees }
}

/** How the container's entrypoint steps down: an ordinary user with four capabilities. */
const four = '+setuid,+setgid,+kill,+chown'
const daemonUid = 1000
const asDaemon = [
  'setpriv',
  ...['--reuid', String(daemonUid), '--regid', String(daemonUid), '--clear-groups', '--no-new-privs'],
  ...[`--inh-caps=-all,${four}`, `--ambient-caps=-all,${four}`, `--bounding-set=-all,${four}`],
]

/** The spy, told where to look; the word comes in halves, so that its own task is no finding. */
function spy(cli: Cli, places: readonly string[], then = ''): Promise<CliResult> {
  const task = [`first half: ${halves[0]}`, `second half: ${halves[1]}`, ...places.map(place => `place: ${place}`)]
  const env = { AGENTICORE_CLAUDE_BINARY: join(agents, 'spy') }
  return cli(['run', [...task, `then: ${then}`].join('\n'), '--local', '--json'], { env })
}

const which = (name: string): boolean =>
  (process.env.PATH ?? '').split(':').some(directory => existsSync(join(directory, name)))

/** Where root keeps which users are taken. */
const slotsOf = (worktrees: string): string =>
  existsSync('/run/agenticore/slots') ? '/run/agenticore/slots' : join(worktrees, '.slots')

/** Another job that is in the middle of its work. */
async function sitting({ cli, place }: { cli: Cli; place: string }) {
  const env = { AGENTICORE_CLAUDE_BINARY: join(agents, 'sitter') }
  const run = cli.start(['run', '-', '--local', '--json'], { env, input: `keep ${canary}` })
  const jobs = join(place, 'tmp/agenticore-jobs')
  const secret = await until(() => {
    const ids = existsSync(jobs) ? readdirSync(jobs) : []
    return ids.map(id => join(jobs, id, 'secret')).find(path => existsSync(path))
  })
  const go = (): void => writeFileSync(join(secret, '../go'), '')
  return { run, secret, go }
}

t.test('as a user of its own an agent finds no secret, and ends nothing but itself', { skip }, async t => {
  const here = machine(t, 'user')
  const victim = await sitting(here)
  const uid = lstatSync(victim.secret).uid
  t.ok(uid >= 20_000, 'the other job has a user of its own')
  const places = [here.place, `${here.place}/home`, `${here.place}/tmp/agenticore-jobs`, here.worktrees]
  const looked = jobIn(await spy(here.cli, [...places, join(victim.secret, '..'), victim.secret]))
  t.match(looked, { status: 'succeeded' })
  t.match(
    (await here.cli(['status', '--local'])).stdout,
    /^queued +0\nrunning +1\nstore .*\nlocks .*\nisolation +user$/m,
  )
  t.match(looked.output, /^uid 2\d{4}, caps 0+, found:$/, 'nothing found')
  t.notMatch(looked.output, `uid ${uid},`, 'another user than the other job')
  const killed = jobIn(await spy(here.cli, [], 'kill'))
  t.match(killed, { status: 'failed', error_code: 'agent_no_result' }, 'it ended itself')
  victim.go()
  const sat = jobIn(await victim.run)
  t.match(sat, { status: 'succeeded', output: 'sat' }, 'the other job went on')
})

t.test('four capabilities are enough, and the agent has none of them', { skip }, async t => {
  const { cli, place } = machine(t, 'user', asDaemon)
  for (const name of ['', 'tmp', 'home', 'home/tmp']) chownSync(join(place, name), daemonUid, daemonUid)
  const looked = jobIn(await spy(cli, [place, join(place, 'home')], 'hide'))
  t.match(looked, { status: 'succeeded', output: /^uid 2\d{4}, caps 0+, found:$/ })
  t.strictSame(processesWith('sleep\u00004321'), [])
})

t.test('what hides from the marker is ended with its user', { skip }, async t => {
  const { cli } = machine(t, 'user')
  t.equal(jobIn(await spy(cli, [], 'hide')).status, 'succeeded')
  t.strictSame(processesWith('sleep\u00004321'), [])
})

t.test('without a user of its own an agent reads what agenticore can: its environment and its records', async t => {
  const here = machine(t, 'none')
  const looked = jobIn(await spy(here.cli, [join(here.place, 'home')]))
  t.match(looked.output, / environ\b/, "the key is in agenticore's environment")
})

t.test('the whole job works under a user of its own: tree, commits, branch', { skip }, async t => {
  const { cli, github } = await world(t, [
    {
      turns: [
        bash('id -u > uid.txt && git add . && git commit -qm one && echo 2 > b.txt && chmod 000 b.txt'),
        { text: 'ok' },
      ],
    },
  ])
  const repo = await github.createRepo({ owner: 'o', name: 'r', files: { 'a.txt': 'a\n' } })
  const place = mkdtempSync(join(tmpdir(), 'agenticore-isolation-'))
  t.teardown(() => rmSync(place, { recursive: true, force: true }))
  chmodSync(place, 0o711)
  const env = {
    AGENTICORE_AGENT_ISOLATION: 'user',
    AGENTICORE_WORKTREE_ROOT: join(place, 'worktrees'),
    AGENTICORE_REPOS_ROOT: join(place, 'repos'),
    TMPDIR: join(place, 'tmp'),
  }
  mkdirSync(env.TMPDIR)
  const result = await cli(['run', 'say who you are', '-r', repo.cloneUrl, '--local', '--json'], { env })
  const job = jobIn(result)
  t.match(job, { status: 'succeeded', changed_files: 2 }, result.stderr)
  t.match(await git(repo.path, ['show', `${job.branch}:uid.txt`]), /^2\d{4}$/)
  t.equal(await git(repo.path, ['show', `${job.branch}:b.txt`]), '2')
  t.strictSame(readdirSync(env.AGENTICORE_WORKTREE_ROOT).sort(), ['.agent', '.runner'])
})

t.test('isolation that cannot be had is an error when it is asked for', { skip }, async t => {
  const { cli, place } = machine(t, 'user')
  const closed = join(place, 'home/trees')
  const result = await cli(['run', 'x', '--local'], {
    env: { AGENTICORE_WORKTREE_ROOT: closed, AGENTICORE_CLAUDE_BINARY: join(agents, 'spy') },
  })
  t.equal(result.exitCode, 2)
  t.match(result.stderr, /AGENTICORE_AGENT_ISOLATION is "user", which cannot be had here: .*a way for user 20000 to/)
})

const python = which('python3') ? false : 'there is no python3'
t.test('a process whose first thread has ended is ended with its user, too', { skip: skip || python }, async t => {
  const { cli } = machine(t, 'user')
  const job = jobIn(await spy(cli, [], 'thread'))
  const uid = /uid (2\d{4})/.exec(job.output ?? '')?.[1] ?? ''
  t.equal(job.status, 'succeeded')
  const theirs = () =>
    readdirSync('/proc').filter(pid => {
      try {
        return readFileSync(`/proc/${pid}/status`, 'utf8').includes(`Uid:\t${uid}\t`)
      } catch {
        return false
      }
    })
  // One that was killed is there until its parent has heard of it.
  await until(() => theirs().length === 0 || undefined)
})

t.test('what a killed runner has left belongs to no agent after it', { skip }, async t => {
  const here = machine(t, 'user')
  const { run, secret } = await sitting(here)
  const uid = lstatSync(secret).uid
  const id = secret.split('/').at(-2) ?? ''
  run.kill('SIGKILL')
  await run
  for (const pid of processesWith(id)) process.kill(pid, 'SIGKILL')
  // A process that was killed is its user's until the kernel is done with it.
  await until(async () => !(await hasProcesses(uid)) || undefined)
  // A job that does not look for the dead first: the slot itself is to know what its user has.
  const directory = slotsOf(here.worktrees)
  const next = (Number(readFileSync(join(directory, 'last'), 'utf8')) + 1) % 1000
  const slots = new UserSlots({ directory, uidBase: uid - next, setpriv: 'setpriv' })
  const slot = await slots.acquire()
  t.equal(slot.uid, uid)
  t.equal(lstatSync(join(secret, '..')).uid, 0)
  await slot.release()
  await here.cli(['jobs'])
  const looked = jobIn(await spy(here.cli, [join(secret, '..'), join(here.worktrees, '.agent', id)]))
  t.match(looked.output, /found:$/, 'nothing found')
})

t.test('looking at a machine leaves its directories as they are', { skip }, async t => {
  const place = t.testdir({ shared: {}, private: {} })
  const cli = cliFor(join(place, 'home'), { AGENTICORE_WORKTREE_ROOT: join(place, 'shared') })
  chmodSync(join(place, 'shared'), 0o1777)
  const env = { AGENTICORE_AGENT_ISOLATION: '', AGENTICORE_REPOS_ROOT: join(place, 'private') }
  chmodSync(join(place, 'private'), 0o2770)
  await cli(['doctor'], { env })
  t.match(JSON.parse((await cli(['status', '--local', '--json'], { env })).stdout), {
    isolation: String,
    missing: Array,
  })
  t.equal(lstatSync(join(place, 'shared')).mode & 0o7777, 0o1777)
  t.equal(lstatSync(join(place, 'private')).mode & 0o7777, 0o2770)
})

t.test('what was left open to everybody is closed to agents', { skip }, async t => {
  const { cli, place } = machine(t, 'user')
  const open = [join(cli.home, '.agenticore'), join(cli.home, '.agenticore/jobs'), join(place, 'repos')]
  for (const directory of open) {
    mkdirSync(directory)
    chmodSync(directory, 0o755)
  }
  t.match(jobIn(await spy(cli, open)), { status: 'succeeded', output: /found:$/ })
  for (const directory of open) t.equal(lstatSync(directory).mode & 0o777, 0o700, directory)
})

t.test('two installations on one machine do not use one user at a time', { skip }, async t => {
  const [one, other] = [machine(t, 'user'), machine(t, 'user')]
  const [first, second] = [await sitting(one), await sitting(other)]
  t.not(lstatSync(first.secret).uid, lstatSync(second.secret).uid)
  for (const { go } of [first, second]) go()
  for (const { run } of [first, second]) t.match(jobIn(await run), { status: 'succeeded' })
})

t.test('everything a profile can say works with four capabilities and a user for each agent', { skip }, async t => {
  const content = Buffer.from('of a file in LFS\n')
  const lfs = noGitLfs === false
  const work = `id -u > app/uid.txt; ls "$CLAUDE_CONFIG_DIR"/skills; cat lib/sub.txt app/c.bin; git status --short`
  const turns = [bash(`${work}; echo new > app/d.bin`), { text: 'Mended.' }]
  const { github, model } = await world(t, [{ turns: [bash('true'), { text: 'First.' }, ...turns] }])
  const sub = await github.createRepo({ owner: 'o', name: 'sub', files: { 'sub.txt': 'of the submodule\n' } })
  const files = {
    'app/a.txt': 'a\n',
    'big/b.txt': 'b\n',
    '.claude/skills/s/SKILL.md': '---\nname: s\n---\n',
    ...(lfs ? { '.gitattributes': attributes, 'app/c.bin': pointerTo(content) } : { 'app/c.bin': content.toString() }),
  }
  const repo = await github.createRepo({ owner: 'o', name: 'r', files })
  repo.lfs.set(nameOf(content), content)
  await addSubmodules(repo.path, join(t.testdirName, 'clone'), [{ path: 'lib', url: sub.cloneUrl, commit: sub.commit }])
  const { cli, place } = machine(t, 'user', asDaemon)
  const profile = join(place, 'home/.agenticore/profiles/all')
  mkdirSync(profile, { recursive: true })
  const keys = {
    setup: 'id -u > .git/setup',
    verify: 'cat .git/setup app/uid.txt && cmp .git/setup app/uid.txt',
    sparse: ['app', '.claude'],
    submodules: true,
    lfs,
    claude: { trust_repo: true },
  }
  writeFileSync(join(profile, 'profile.yml'), JSON.stringify(keys))
  for (const name of readdirSync(place, { recursive: true, encoding: 'utf8' })) {
    chownSync(join(place, name), daemonUid, daemonUid)
  }
  chownSync(place, daemonUid, daemonUid)
  // As root keeps it in an image, or on a volume.
  mkdirSync(join(profile, '.claude/skills/of-root'), { recursive: true })
  writeFileSync(join(profile, '.claude/skills/of-root/SKILL.md'), '---\nname: of-root\n---\n')
  const env = {
    GITHUB_TOKEN: token,
    GITHUB_API_URL: github.url,
    ANTHROPIC_API_KEY: modelKey,
    ANTHROPIC_BASE_URL: model.url,
  }
  const result = await cli(['run', 'say who you are', '-r', repo.cloneUrl, '-p', 'all', '--local', '--json'], { env })
  const job = jobIn(result)
  t.match(job, { status: 'succeeded', changed_files: 2, num_turns: 4 }, result.stderr)
  t.match(await git(repo.path, ['show', `${job.branch}:app/uid.txt`]), /^2\d{4}$/)
  t.equal(await git(repo.path, ['show', `${job.branch}:big/b.txt`]), 'b', 'what was not checked out is there')
  const events = (await cli(['logs', job.id, '--json', '--local'])).stdout
  t.match(events, 'of the submodule')
  t.match(events, 'of-root')
  t.match(events, 'of a file in LFS')
  t.equal(repo.lfs.has(nameOf(Buffer.from('new\n'))), lfs, 'a new one was uploaded')
  t.notMatch(events, '"type":"warning"')
  t.strictSame(readdirSync(join(place, 'worktrees')).sort(), ['.agent', '.runner', '.slots'])
})

t.test('what only agenticore can read is not pushed for an agent that points at it', { skip }, async t => {
  const vault = mkdtempSync(join(tmpdir(), 'agenticore-vault-'))
  t.teardown(() => rmSync(vault, { recursive: true, force: true }))
  const theirs = join(vault, 'theirs')
  await git('/', ['init', '--quiet', theirs])
  writeFileSync(join(theirs, 'secret'), 'VAULT-CANARY')
  const secret = await agentCommit(theirs, 'secret')
  const commit = `tree %s\\nparent %s\\nparent ${secret}\\nauthor a <a@b> 1 +0000\\ncommitter a <a@b> 1 +0000\\n\\nx\\n`
  const point = `V=${theirs}/.git
printf '${commit}' $(git rev-parse 'HEAD^{tree}') $(git rev-parse HEAD) > .git/c
echo $(git hash-object -t commit -w --literally .git/c) > .git/$(git symbolic-ref HEAD)
mkdir file link; echo "gitdir: $V" > file/.git; ln -s $V link/.git; echo 1 > work.txt
echo $V/objects >> .git/objects/info/alternates
for d in $(seq 0 255); do d=$(printf %02x $d); [ -e .git/objects/$d ] || ln -s $V/objects/$d .git/objects/$d; done`
  const { github, model } = await world(t, [{ turns: [bash(point), { text: 'Done.' }] }])
  const repo = await github.createRepo({ owner: 'o', name: 'r', files: { 'a.txt': 'a\n' } })
  const { cli } = machine(t, 'user')
  const env = {
    GITHUB_TOKEN: token,
    GITHUB_API_URL: github.url,
    ANTHROPIC_API_KEY: modelKey,
    ANTHROPIC_BASE_URL: model.url,
  }
  const result = await cli(['run', 'x', '-r', repo.cloneUrl, '--local', '--json'], { env })
  const events = (await cli(['logs', jobIn(result).id, '--json', '--local'])).stdout
  t.match(events, /"tool_result".*"ok":true/)
  t.not((await tryGit(repo.path, ['cat-file', '-e', secret])).code, 0, 'the commit of the vault is not there')
  const branches = await git(repo.path, ['for-each-ref', '--format=%(refname)', 'refs/heads/agenticore'])
  for (const branch of branches.split('\n').filter(Boolean)) {
    t.notMatch(await git(repo.path, ['ls-tree', '-r', branch]), /160000|VAULT/, 'nor its name')
  }
  t.ok(branches !== '', 'the rest of its work is')
})
