import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { gitEnv } from '../../test/fixtures/github/git.ts'
import {
  filesWith,
  message,
  never,
  openWorld,
  readOnlyToken,
  runnerGit,
  script,
  token,
} from '../../test/helpers/repos.ts'
import { gives, type UserHome, userHome } from '../../test/helpers/user-programs.ts'
import { AgenticoreError } from '../jobs/errors.ts'
import type { Workspace } from '../jobs/workspace.ts'
import { Secrets } from '../util/redact.ts'
import { askedOnce, firstOf } from './credential-chain.ts'
import type { Git } from './git.ts'
import { ghToken, gitCredential } from './user-credentials.ts'

const world = await openWorld(t)
const { github } = world
const host = new URL(github.url).host
const corp = 'https://api.github.com'
const pair = (user: string, secret: string) => Buffer.from(`${user}:${secret}`).toString('base64')
const secrets = [token, pair('anna', token), readOnlyToken, pair('anna', readOnlyToken)]
let repos = 0
const makeRepo = (options: { private?: boolean } = {}) =>
  github.createRepo({ owner: 'c', name: `r${++repos}`, private: true, files: { a: 'a' }, ...options })

/** As the composition root joins them; a new process's each time. */
function gitOf(user: UserHome, { apiUrl = corp, path = gitEnv.PATH, own = '' } = {}): Git {
  const programs = { env: user.env }
  const sources = firstOf([gitCredential(programs), ghToken(programs, () => apiUrl === github.url)])
  return runnerGit({ path, token: own, source: askedOnce(sources, () => undefined) }, apiUrl)
}

async function refusal(t: Test, promise: Promise<unknown>): Promise<AgenticoreError> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof AgenticoreError)) throw new Error(`expected was a refusal, not ${String(error)}`)
  for (const secret of secrets) t.notOk(error.message.includes(secret), 'no secret in the message')
  return error
}

async function pushSomething(workspace: Workspace) {
  await writeFile(join(workspace.path, 'work'), 'work')
  const change = await workspace.commit(message, never)
  if (!change) throw new Error('nothing changed')
  return await workspace.push(change, never)
}

t.test('a private repository is read and pushed with what the helper gave, which was asked once', async t => {
  const user = userHome(t)
  await user.setHelper(gives('anna', token))
  const log = join(user.home, 'git-calls')
  await script(
    join(user.bin, 'git'),
    `{ printf 'argv'; printf ' %s' "$@" | tr '\\n' ' '; echo; env | sed 's/^/env /'; } >> '${log}'
PATH='${gitEnv.PATH}' exec git "$@"`,
  )
  const { cloneUrl } = await makeRepo()
  const { workspace } = await world.open(cloneUrl, { git: gitOf(user, { path: user.env.PATH }) })
  t.same(Object.keys(await pushSomething(workspace)), ['hint'])
  t.strictSame(await user.calls(), ['helper get'], 'asked once; nothing stored, nothing erased')

  const calls = (await readFile(log, 'utf8')).split(/^argv /m).slice(1)
  const argv = calls.map(call => call.split('\n')[0] ?? '')
  for (const secret of secrets) t.notOk(argv.some(line => line.includes(secret)))
  const withSecret = calls.filter(call => secrets.some(secret => call.includes(secret)))
  t.same(
    withSecret.map(call => call.split(' ')[0]),
    ['fetch', 'push'],
    'in the environment of calls to the origin only',
  )
  t.equal(argv.filter(line => line.includes('credential fill')).length, 1)
  t.same(await filesWith(world.treesRoot, ...secrets), [])
  t.same(await filesWith(world.cacheRoot, ...secrets), [])
  await workspace.dispose()
})

t.test("gh's token serves GitHub where git has none; GITHUB_TOKEN keeps both from being asked", async t => {
  const user = userHome(t)
  await user.setHelper('exit 0')
  await user.setGh(`echo '${token}'`)
  const { cloneUrl } = await makeRepo()
  const { workspace } = await world.open(cloneUrl, { git: gitOf(user, { apiUrl: github.url }) })
  await pushSomething(workspace)
  t.strictSame(await user.calls(), ['helper get', `gh auth token --hostname ${host}`])
  await workspace.dispose()
  const { workspace: second } = await world.open(cloneUrl, { git: gitOf(user, { apiUrl: github.url, own: token }) })
  t.equal((await user.calls()).length, 2, 'nobody was asked')
  await second.dispose()
})

t.test('a public repository needs none, and a directory asks nobody', async t => {
  const user = userHome(t)
  await user.setHelper('exit 0')
  const { cloneUrl, path } = await makeRepo({ private: false })
  const git = gitOf(user)
  const { workspace } = await world.open(path, { git })
  await pushSomething(workspace)
  await workspace.dispose()
  t.strictSame(await user.calls(), [])
  const { workspace: anonymous } = await world.open(cloneUrl, { git })
  t.match(await refusal(t, pushSomething(anonymous)), {
    code: 'origin_unauthorised',
    message: `no credential was found for ${host}: GITHUB_TOKEN serves GitHub alone, \`git credential\` has none / `,
  })
  t.strictSame(await user.calls(), ['helper get'])
  await anonymous.dispose()
})

t.test('a refusal says which credential was refused by which host, and the store stays as it is', async t => {
  const user = userHome(t)
  const { cloneUrl } = await makeRepo()
  const open = (git: Git, url = cloneUrl) => refusal(t, world.open(url, { git }))
  await user.setHelper('exit 0')
  t.match(await open(gitOf(user, { apiUrl: github.url, own: 'ghp_wrong-0123456789' })), {
    code: 'origin_unauthorised',
    message: `${host} refused GITHUB_TOKEN / `,
  })
  await user.setGh('echo gho_wrong-0123456789')
  t.match(await open(gitOf(user, { apiUrl: github.url })), {
    code: 'origin_unauthorised',
    message: `${host} refused the token that \`gh auth token\` gave / `,
  })
  await user.setGh('exit 1')
  t.match(await open(gitOf(user, { apiUrl: github.url })), {
    code: 'origin_unauthorised',
    message: `${host}: GITHUB_TOKEN is not set, \`git credential\` has none, \`gh auth token\` has none / `,
  })
  await user.setHelper(gives('anna', 'wrong-0123456789'))
  const its = 'the credential that `git credential` gave for user "anna"'
  t.match(await open(gitOf(user)), { code: 'origin_unauthorised', message: `${host} refused ${its} / ` })
  await user.setHelper(gives('anna', token))
  t.match(await open(gitOf(user), `${github.url}/c/none.git`), {
    code: 'origin_not_found',
    message: `${host} has no such repository for ${its} / `,
  })
  t.notOk((await user.calls()).some(call => /store|erase/.test(call)))
})

t.test('one that expires while the agent works, and one that may only read', async t => {
  const user = userHome(t)
  const { cloneUrl } = await makeRepo()
  await user.setHelper(gives('anna', token))
  const { workspace } = await world.open(cloneUrl, { git: gitOf(user) })
  github.fail({ path: /service=git-receive-pack/, status: 401 })
  const its = 'the credential that `git credential` gave for user "anna"'
  const expired = await refusal(t, pushSomething(workspace))
  t.match(expired, { code: /^(push_denied|origin_unauthorised)$/, message: `${host} refused ${its} / ` })
  await user.setHelper(gives('anna', readOnlyToken))
  const { workspace: reader } = await world.open(cloneUrl, { git: gitOf(user) })
  t.match(await refusal(t, pushSomething(reader)), { code: 'push_denied', message: `${host} refused ${its} / ` })
  t.strictSame(await user.calls(), ['helper get', 'helper get'])
  await workspace.dispose()
  await reader.dispose()
})

t.test('what becomes known is blanked from then on, in every form', async t => {
  const holder = new Secrets(['ghp_first-0123456789'])
  const { redact } = holder
  const password = 'an"odd\\ one, ü'
  t.equal(redact(`${password} ghp_first-0123456789`), `${password} ***`)
  holder.add(password, pair('anna', password))
  const forms = [password, JSON.stringify(password).slice(1, -1), encodeURIComponent(password), pair('anna', password)]
  for (const form of forms) t.equal(redact(`a ${form} b ghp_first-0123456789`), 'a *** b ***')
})
