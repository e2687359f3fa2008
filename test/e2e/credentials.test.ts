import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { git } from '../fixtures/github/git.ts'
import { bash, jobIn, scriptedAgent, token, world } from '../helpers/e2e.ts'
import { filesWith, script } from '../helpers/repos.ts'
import { gives, userHomeIn } from '../helpers/user-programs.ts'

const files = { 'app.txt': 'version 1\n' }
const pair = (user: string) => Buffer.from(`${user}:${token}`).toString('base64')
const forms = [token, pair('x-access-token'), pair('anna')]

/** A laptop whose owner has no GITHUB_TOKEN; the programs are outside the home that is searched for secrets. */
async function laptop(
  t: Test,
  ...[scripts, agent]: readonly [Parameters<typeof world>[1], Parameters<typeof world>[2]?]
) {
  const { cli, github, model } = await world(t, scripts, agent)
  const user = userHomeIn(join(t.testdirName, 'user'), cli.home)
  const env = { GITHUB_TOKEN: '', PATH: `${user.bin}:${process.env.PATH ?? ''}`, SSH_AUTH_SOCK: '/canary/agent.sock' }
  const repo = await github.createRepo({ owner: 'octo', name: 'app', private: true, files })
  return { cli, github, model, user, env, repo }
}

t.test("with gh logged in a task becomes a pull request; gh's token and the ssh agent stay ours", async t => {
  const look = bash(`env; cat /proc/$PPID/environ | tr "\\0" "\\n"; echo 'it is ${token} or ${pair('x-access-token')}'`)
  const edit = bash(`echo '2 ${token.slice(0, 3)}' > app.txt`)
  const { cli, github, model, user, env, repo } = await laptop(t, [
    { turns: [look, edit, { text: `Done, and the token is ${token}; ${pair('x-access-token')}.` }] },
  ])
  await user.setHelper('exit 0')
  await user.setGh(`echo '${token}'`)
  const result = await cli(['run', 'Say two', '--repo', repo.cloneUrl, '--local', '--wait', '--json'], { env })
  t.equal(result.exitCode, 0, result.stderr)
  const job = jobIn(result)
  t.match(job, { status: 'succeeded', pr_url: `${github.url}/octo/app/pull/1` })
  t.strictSame(await user.calls(), ['helper get', `gh auth token --hostname ${new URL(github.url).host}`])

  // The agent was made to say it here; how would it know.
  t.match(job.output, 'Done, and the token is ***; ***.')
  t.match(github.pulls('octo/app')[0]?.body, 'Done, and the token is ***; ***.')
  const events = await cli(['logs', job.id, '--json'], { env })
  t.match(events.stdout, 'it is *** or ***')
  for (const form of forms) t.notOk((result.stdout + result.stderr + events.stdout).includes(form))
  t.strictSame(await filesWith(cli.home, ...forms), [], 'no secret in any file of the home directory')
  const results = JSON.stringify(model.requests.map(request => request.body))
  t.match(results, 'AGENTICORE_JOB_MARKER', 'the agent showed its environment')
  t.notMatch(results, '/canary/agent.sock')
  t.notMatch(results, 'SSH_AUTH_SOCK')
})

t.test("the repository somebody stands in has no say; the user's own configuration has", async t => {
  const { cli, github, user, env, repo } = await laptop(
    t,
    [{ turns: [bash('echo 2 > app.txt'), { text: 'done' }] }],
    scriptedAgent,
  )
  const planted = join(t.testdirName, 'planted')
  const clone = join(t.testdirName, 'clone')
  mkdirSync(clone)
  await git(clone, ['init', '--quiet'])
  const evil = await script(join(t.testdirName, 'evil'), `touch '${planted}'; ${gives('evil', 'evil-0123456789')}`)
  await git(clone, ['config', 'credential.helper', evil])
  await git(clone, ['config', 'core.askPass', evil])
  await git(clone, ['config', 'core.sshCommand', evil])
  await git(clone, ['remote', 'add', 'origin', repo.cloneUrl])
  await user.setHelper(gives('anna', token))
  const asked = { ...env, GIT_ASKPASS: evil, SSH_ASKPASS: evil, GIT_DIR: join(clone, '.git') }
  const job = jobIn(await cli(['run', 'Say two', '-r', '.', '--local', '--json'], { cwd: clone, env: asked }))
  t.match(job, { status: 'succeeded', pr_url: `${github.url}/octo/app/pull/1` })
  t.throws(() => readFileSync(planted), { code: 'ENOENT' })
  t.strictSame(await user.calls(), ['helper get'])
})

t.test('a credential that is refused is named in record and message; the store is not touched', async t => {
  const { cli, github, user, env, repo } = await laptop(t, [{ turns: [{ text: 'done' }] }])
  const { host } = new URL(github.url)
  const store = join(cli.home, '.git-credentials')
  writeFileSync(store, `http://anna:ghp_expired-0123456789@${host.replace(':', '%3a')}\n`)
  writeFileSync(join(cli.home, '.gitconfig'), '[credential]\n\thelper = store\n')
  const before = readFileSync(store, 'utf8')
  const run = (own: Record<string, string>) =>
    cli(['run', 'Say two', '-r', repo.cloneUrl, '--local', '--json'], { env: { ...env, ...own } })
  const stored = await run({})
  t.equal(stored.exitCode, 5)
  t.match(jobIn(stored), {
    status: 'failed',
    error_code: 'origin_unauthorised',
    error: `${host} refused the credential that \`git credential\` gave for user "anna" / `,
  })
  t.notMatch(stored.stdout + stored.stderr, 'ghp_expired')
  t.equal(readFileSync(store, 'utf8'), before)
  await user.setHelper('exit 0')
  await user.setGh('exit 1')
  t.match(
    jobIn(await run({})).error,
    `no credential was found for ${host}: GITHUB_TOKEN is not set, \`git credential\``,
  )
  t.match(jobIn(await run({ GITHUB_TOKEN: 'ghp_wrong-0123456789' })).error, `${host} refused GITHUB_TOKEN / `)
})

t.test('doctor says which credential it would be, and for which host, never the value', async t => {
  const { cli, github, user, env } = await laptop(t, [])
  const { host } = new URL(github.url)
  const said = async (own: Record<string, string> = {}) => {
    const { stdout, stderr } = await cli(['doctor'], { env: { ...env, ...own } })
    for (const form of forms) t.notOk((stdout + stderr).includes(form))
    return stdout
  }
  await user.setHelper('exit 0')
  await user.setGh('exit 1')
  t.match(
    await said(),
    new RegExp(`! GitHub .*no credential for ${host} \\(GITHUB_TOKEN is not set, .git credential. has`),
  )
  await user.setGh(`echo '${token}'`)
  t.match(await said(), `${host} is asked with the token that \`gh auth token\` gave`)
  await user.setHelper(gives('anna', token))
  t.match(await said(), `${host} is asked with the credential that \`git credential\` gave for user "anna"`)
  t.match(await said({ GITHUB_TOKEN: token }), `✔ GitHub         ${host} is asked with GITHUB_TOKEN`)
})

t.test('a repository by ssh starts no program to find a credential', async t => {
  const server = createServer(socket => socket.end())
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const address = server.address()
  const { cli, user, env } = await laptop(t, [])
  await user.setHelper(gives('anna', token))
  await user.setGh(`echo '${token}'`)
  const port = typeof address === 'object' ? address?.port : ''
  const result = await cli(['run', 'x', '-r', `ssh://git@127.0.0.1:${port}/o/r`, '--local', '--json'], { env })
  t.match(jobIn(result), { status: 'failed' })
  t.strictSame(await user.calls(), [])
})
