import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { execa } from 'execa'
import t from 'tap'
import { git } from '../fixtures/github/git.ts'
import { bash, jobIn, token, world } from '../helpers/e2e.ts'

const files = { 'app.txt': 'version 1\n' }
const edit = { turns: [bash('echo 2 > app.txt'), { text: 'done' }] }

/** A directory for PATH with these programs of the machine and no others. */
function pathWith(directory: string, programs: Readonly<Record<string, string>>): string {
  mkdirSync(directory)
  for (const [name, target] of Object.entries(programs)) symlinkSync(target, join(directory, name))
  return directory
}

/** A port on which nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

t.test('what cannot be run here is refused before anything is kept', async t => {
  const { cli, github } = await world(t, [edit])
  const repo = await github.createRepo({ owner: 'o', name: 'r', files })
  const sh = { sh: '/bin/sh', readlink: '/usr/bin/readlink', node: process.execPath }
  const url = repo.cloneUrl
  for (const { what, args = ['task', '-r', url], env = {}, exit, says } of [
    {
      what: 'no git',
      env: { PATH: pathWith(join(cli.home, 'bin'), sh) },
      exit: 1,
      says: ['git was not found', 'Install git'],
    },
    {
      what: 'no claude',
      env: { AGENTICORE_CLAUDE_BINARY: 'no-such-claude' },
      exit: 1,
      says: ['"no-such-claude"', 'npm install'],
    },
    { what: 'no key', env: { ANTHROPIC_API_KEY: '' }, exit: 1, says: ['ANTHROPIC_API_KEY', 'claude setup-token'] },
    {
      what: 'a wrong setting',
      env: { AGENTICORE_CLAUDE_TIMEOUT: 'soon' },
      exit: 2,
      says: ['AGENTICORE_CLAUDE_TIMEOUT is "soon"', 'whole number'],
    },
    {
      what: 'ext::',
      args: ['task', '-r', 'ext::sh -c touch% /tmp/x'],
      exit: 2,
      says: ['not used as a repository', 'https://'],
    },
    { what: 'ext:: without blanks', args: ['task', '-r', 'ext::sh'], exit: 2, says: ['run a helper'] },
    {
      what: 'an option as URL',
      args: ['task', '--repo=--upload-pack=touch x'],
      exit: 2,
      says: ['not used as a repository'],
    },
    {
      what: 'an option as URL, no blank',
      args: ['task', '--repo=--upload-pack=x'],
      exit: 2,
      says: ['looks like an option'],
    },
    {
      what: 'an option as ref',
      args: ['task', '-r', url, '--base-ref=--upload-pack=x'],
      exit: 2,
      says: ['cannot be the name of a branch'],
    },
    { what: 'file://', args: ['task', '-r', 'file:///srv/x.git'], exit: 2, says: ['give the path itself'] },
    { what: 'ftp://', args: ['task', '-r', 'ftp://host/x'], exit: 2, says: ['only https://'] },
    {
      what: 'a token in the URL',
      args: ['task', '-r', `https://x:${token}@github.com/o/r`],
      exit: 2,
      says: ['GITHUB_TOKEN'],
    },
    { what: 'a directory without git', args: ['task', '-r', '.'], exit: 2, says: ['is no git repository'] },
    { what: 'an empty task', args: [' \n', '-r', url], exit: 2, says: ['The task is empty'] },
    { what: 'no task', args: [], exit: 2, says: ['Missing 1 required arg'] },
    { what: 'an unknown flag', args: ['task', '--bogus'], exit: 2, says: ['Nonexistent flag: --bogus\n'] },
    {
      what: 'a misspelt flag',
      args: ['task', '--timeuot=5', '--max-turn', '3'],
      exit: 2,
      says: ['--timeuot=5, did you mean "--timeout"?', '--max-turn, did you mean "--max-turns"?'],
    },
    {
      what: 'a limit that is none',
      args: ['task', '--max-budget-usd', 'much'],
      exit: 2,
      says: ['max_budget_usd', 'greater than 0'],
    },
    { what: 'zero turns', args: ['task', '--max-turns', '0'], exit: 2, says: ['max-turns'] },
    { what: 'a ref without a repository', args: ['task', '--base-ref', 'main'], exit: 2, says: ['no repository'] },
  ]) {
    const result = await cli(['run', ...args, '--local', '--json'], {
      env: { GIT_CEILING_DIRECTORIES: '/', ...env },
      cwd: '/',
    })
    t.equal(result.exitCode, exit, `${what}: exit code`)
    t.equal(result.stdout, '', `${what}: nothing on standard output`)
    for (const part of says) t.match(result.stderr, part, what)
    t.notMatch(result.stderr, token)
    t.notMatch(result.stderr, /\n {4}at /, `${what}: no stack`)
  }
  t.strictSame(JSON.parse((await cli(['jobs', '--json'])).stdout), [])
})

t.test('without --local it says what to do, and exits with 3', async t => {
  const { cli } = await world(t, [edit])
  const result = await cli(['run', 'task'])
  t.equal(result.exitCode, 3)
  t.match(result.stderr, '--local')
})

t.test('a task of 1 MB on standard input is refused with the limit; one of 500 KB runs', async t => {
  const { cli, github, model } = await world(t, [edit])
  const repo = await github.createRepo({ owner: 'o', name: 'r', files })
  const run = ['run', '-', '-r', repo.cloneUrl, '--local', '--json']
  const refused = await cli(run, { input: 'x'.repeat(1024 * 1024) })
  t.equal(refused.exitCode, 2)
  for (const part of ['1048576 bytes', '524288', 'file of the repository']) t.match(refused.stderr, part)
  const job = jobIn(await cli(run, { input: `${'look at this '.repeat(40_000)}` }))
  t.equal(job.status, 'succeeded')
  t.match(job.branch, /^agenticore\/[0-9a-f]{12}-look-at-this/)
  t.equal(model.requests[0]?.answer, 'turn')
})

t.test('a claude that cannot be used fails the job before it runs', async t => {
  const { cli, model } = await world(t, [edit])
  const old = join(cli.home, 'old-claude')
  writeFileSync(old, '#!/bin/sh\necho "2.0.14 (Claude Code)"\n', { mode: 0o755 })
  const noise = join(cli.home, 'no-claude')
  writeFileSync(noise, '#!/bin/sh\necho "welcome to something else"\n', { mode: 0o755 })
  for (const [binary, code, says] of [
    [old, 'claude_too_old', ['2.0.14', '2.1.197 or newer', 'claude update']],
    [noise, 'claude_missing', ['does not print a version', 'something else', 'npm install']],
  ] as const) {
    const result = await cli(['run', 'task', '--local'], { env: { AGENTICORE_CLAUDE_BINARY: binary } })
    t.equal(result.exitCode, 1)
    for (const part of [`[${code}]`, ...says]) t.match(result.stdout + result.stderr, part)
  }
  t.strictSame(model.requests, [])
})

t.test('what the origin refuses fails the job with a code, a reason, and the right exit code', async t => {
  const { cli, github } = await world(t, [edit])
  const empty = await github.createRepo({ owner: 'o', name: 'empty' })
  const hidden = await github.createRepo({ owner: 'o', name: 'hidden', private: true, files })
  const repo = await github.createRepo({ owner: 'o', name: 'r', files })
  const nobody = `http://127.0.0.1:${await closedPort()}/o/r.git`
  for (const { what, args, env = {}, code, exit, says } of [
    { what: 'unreachable', args: ['-r', nobody], code: 'origin_unreachable', exit: 1, says: 'refused|connect' },
    { what: 'empty', args: ['-r', empty.cloneUrl], code: 'repository_empty', exit: 1, says: 'no commit' },
    {
      what: 'unknown ref',
      args: ['-r', repo.cloneUrl, '--base-ref', 'nope'],
      code: 'ref_not_found',
      exit: 1,
      says: '"nope"',
    },
    {
      what: 'unknown repository',
      args: ['-r', `${github.url}/o/none.git`],
      code: 'origin_not_found',
      exit: 1,
      says: 'not found',
    },
    {
      what: 'no such directory',
      args: ['-r', '/nowhere/x.git'],
      code: 'origin_not_found',
      exit: 1,
      says: '/nowhere/x.git',
    },
    {
      what: 'no token',
      args: ['-r', hidden.cloneUrl],
      env: { GITHUB_TOKEN: '' },
      code: 'origin_unauthorised',
      exit: 5,
      says: 'hidden',
    },
    {
      what: 'wrong token',
      args: ['-r', hidden.cloneUrl],
      env: { GITHUB_TOKEN: 'ghp_wrong_wrong_wrong' },
      code: 'origin_unauthorised',
      exit: 5,
      says: 'hidden',
    },
    {
      what: 'may not push',
      args: ['-r', repo.cloneUrl],
      env: { GITHUB_TOKEN: `${token}-reads` },
      code: 'push_denied',
      exit: 5,
      says: 'denied',
    },
  ]) {
    const result = await cli(['run', 'task', ...args, '--local', '--json'], { env })
    t.match(jobIn(result), { status: 'failed', error_code: code, error: new RegExp(says, 'i') }, what)
    t.equal(result.exitCode, exit, `${what}: exit code`)
    t.notMatch(result.stdout + result.stderr, token, `${what}: no token`)
    t.match((await cli(['run', 'task', ...args, '--local'], { env })).stdout, `[${code}]`)
  }
  t.equal(await git(repo.path, ['for-each-ref', '--format=%(refname:short)', 'refs/heads']), 'main')
})

t.test('ids that fit no job, or several', async t => {
  const { cli } = await world(t, [])
  for (const [args, exit, says] of [
    [['job', 'abcd'], 4, 'There is no job "abcd"'],
    [['job', '01a206ea-2280-73b8-868b-21b8501b3b5f'], 4, 'There is no job'],
    [['logs', '../../etc'], 4, 'There is no job'],
    [['logs', 'abcd', '--follow'], 4, 'There is no job'],
    [['resume', 'abcd'], 4, 'There is no job'],
    [['job', 'ab'], 2, 'too short'],
    [['job', ''], 2, 'too short'],
    [['jobs', '--limit', '0'], 2, 'limit'],
    [['jobs', '--status', 'sleeping'], 2, 'sleeping'],
    [['bogus'], 2, 'bogus'],
  ] as const) {
    const result = await cli(args)
    t.equal(result.exitCode, exit, args.join(' '))
    t.match(result.stderr, says)
  }
})

t.test('help, version, and no command at all', async t => {
  const { cli } = await world(t, [])
  t.match((await cli(['--version'])).stdout, /^agenticore \d+\.\d+\.\d+\n$/)
  t.equal((await cli(['version'])).stdout, (await cli(['--version'])).stdout)
  for (const args of [[], ['help'], ['--help']]) t.match((await cli(args)).stdout, /COMMANDS\n[\s\S]*run/)
  const help = await cli(['run', '--help'])
  for (const part of ['--base-ref', '--repo', 'EXAMPLES', '--local --wait']) t.match(help.stdout, part)
  for (const args of [
    ['help', 'run'],
    ['run', '-h'],
    ['run', 'task', '-h'],
  ])
    t.equal((await cli(args)).stdout, help.stdout, args.join(' '))
  t.equal((await cli(['-h'])).stdout, (await cli(['--help'])).stdout)
})

t.test('the launcher is found through links, and a Node that is too old is named', async t => {
  const place = t.testdir({ 'with blank': {} })
  const root = join(import.meta.dirname, '../..')
  symlinkSync(join(root, 'bin/agenticore'), join(place, 'with blank/agenticore'))
  symlinkSync('with blank/agenticore', join(place, 'ac'))
  const { stdout } = await execa(join(place, 'ac'), ['version'], { cwd: place })
  t.match(stdout, /^agenticore \d/)
  const pretend = `Object.defineProperty(process, 'versions', { value: { node: '20.1.0' } }); await import(process.argv[1])`
  const args = ['--input-type=module', '--eval', pretend, join(root, 'dist/main.js'), 'jobs']
  const old = await execa(process.execPath, args, { reject: false })
  t.equal(old.exitCode, 1)
  for (const part of ['Node 22.15 or newer', '20.1.0', 'scripts/setup']) t.match(old.stderr, part)
})
