import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { processesWith } from '../../test/helpers/processes.ts'
import { never, script } from '../../test/helpers/repos.ts'
import { until } from '../../test/helpers/until.ts'
import { gives, userHome } from '../../test/helpers/user-programs.ts'
import { type FindCredential, refusalOf } from '../jobs/credentials.ts'
import { parseRepository } from '../jobs/repository.ts'
import { ghToken, gitCredential } from './user-credentials.ts'

const corp = parseRepository('https://git.corp/team/app.git')
const secret = 'anna"s own\\ pässword'
const find = (source: FindCredential, url = corp.url) => source(parseRepository(url), never)
const whyNot = async (source: FindCredential, url?: string) => {
  const lookup = await find(source, url)
  return lookup.kind === 'none' ? lookup.why : `found ${lookup.credential.source}`
}

t.test("the user's helper is asked as git asks it, for what the user configured it for", async t => {
  const user = userHome(t)
  const question = join(user.home, 'question')
  await user.setHelper(`cat > '${question}'; pwd > '${question}.cwd'; ${gives('anna', 'pw-0123456789')}`)
  const lookup = await find(gitCredential(user), 'https://git.corp:8443/team/an%20app.git/')
  t.strictSame(lookup, {
    kind: 'found',
    credential: {
      username: 'anna',
      password: 'pw-0123456789',
      source: 'the credential that `git credential` gave for user "anna"',
    },
  })
  t.equal(readFileSync(question, 'utf8'), 'protocol=https\nhost=git.corp:8443\n')
  t.equal(readFileSync(`${question}.cwd`, 'utf8'), '/\n')
  const helper = join(user.home, '../helper')
  writeFileSync(
    join(user.home, '.gitconfig'),
    `[credential "https://git.corp"]\n\thelper = ${helper}\n\tuseHttpPath = true\n`,
  )
  t.match(await find(gitCredential(user)), { kind: 'found' })
  t.equal(readFileSync(question, 'utf8'), 'protocol=https\nhost=git.corp\npath=team/app.git\n')
  t.equal(await whyNot(gitCredential(user), 'https://git.other/team/app.git'), '`git credential` has none')
  t.strictSame(await user.calls(), ['helper get', 'helper get'], 'nothing is stored or erased')
})

t.test('a store as git itself keeps it, with any password', async t => {
  const user = userHome(t)
  const encoded = encodeURIComponent(secret)
  writeFileSync(join(user.home, '.git-credentials'), `https://anna:${encoded}@git.corp\n`)
  writeFileSync(join(user.home, '.gitconfig'), '[credential]\n\thelper = store\n')
  t.match(await find(gitCredential(user)), { kind: 'found', credential: { username: 'anna', password: secret } })
})

t.test('nobody is asked anything: not by git, not by a program that git would ask with', async t => {
  const user = userHome(t)
  const asked = join(user.home, 'asked')
  const ask = await script(join(user.home, 'ask'), `touch '${asked}'; echo answered`)
  writeFileSync(join(user.home, '.gitconfig'), `[core]\n\taskPass = ${ask}\n`)
  t.equal(await whyNot(gitCredential(user)), '`git credential` has none')
  await user.setHelper('echo username=anna; read -r answer < /dev/tty && echo password=$answer')
  t.equal(await whyNot(gitCredential(user)), '`git credential` has none')
  t.throws(() => readFileSync(asked), { code: 'ENOENT' })
  writeFileSync(join(user.home, '.gitconfig'), '[credential]\n\tuseHttpPath\n')
  t.match(await whyNot(gitCredential(user)), /^`git credential` has none \(.*bad config variable.*useHttpPath.*\)$/i)
})

t.test('what hangs is cut off, with all it started; what its caller gave up is, too', async t => {
  const user = userHome(t)
  const marker = `hangs-${process.pid}`
  const hang = `: ${marker}; sleep 300 & wait`
  await user.setHelper(hang)
  await user.setGh(hang)
  const sources = [
    gitCredential({ env: { ...user.env, MARKER: marker }, limitMs: 300 }),
    ghToken({ env: { ...user.env, MARKER: marker }, limitMs: 300 }, () => true),
  ]
  t.match(await Promise.all(sources.map(source => whyNot(source))), [
    '`git credential` did not answer in time',
    '`gh auth token` did not answer in time',
  ])
  await until(() => processesWith(marker).length === 0 || undefined)
  const stop = new AbortController()
  const reason = new Error('enough')
  const asking = gitCredential({ env: { ...user.env, MARKER: marker } })(corp, stop.signal)
  await until(() => processesWith(marker).length > 1 || undefined)
  stop.abort(reason)
  await t.rejects(asking, reason)
  await until(() => processesWith(marker).length === 0 || undefined)
})

t.test('an address cannot add lines to the question, and an answer for another host is none', async t => {
  const user = userHome(t)
  await user.setHelper(`${gives('anna', 'pw-0123456789')}; echo host=github.com`)
  t.equal(await whyNot(gitCredential(user)), '`git credential` has none')
  for (const path of ['a%0ahost=github.com', 'a%0Dhost=github.com', 'a%00', 'a%250a%0a']) {
    const why = '`git credential` cannot be asked for such a path'
    t.equal(await whyNot(gitCredential(user), `https://evil.test/${path}`), why, path)
  }
  t.strictSame(await user.calls(), ['helper get'], 'none of these was asked')
  for (const answer of ['username=anna; echo password=', 'password=pw-0123456789', 'quit=1', 'nonsense']) {
    await user.setHelper(`echo ${answer}`)
    t.equal(await whyNot(gitCredential(user)), '`git credential` has none', answer)
  }
})

t.test('gh is asked for the hosts it may know, where it is', async t => {
  const user = userHome(t)
  const gh = ghToken(user, ({ host }) => host === 'github.com')
  const hub = 'https://github.com/o/r'
  t.equal(await whyNot(gh), '', 'not GitHub')
  // The machine's own gh, if there is one, is not the tester's to ask.
  const none = ghToken({ env: { ...user.env, PATH: user.bin } }, () => true)
  t.equal(await whyNot(none, hub), 'gh is not on the PATH')
  await user.setGh('echo gho_0123456789')
  t.match(await find(gh, hub), {
    kind: 'found',
    credential: {
      username: 'x-access-token',
      password: 'gho_0123456789',
      source: 'the token that `gh auth token` gave',
    },
  })
  t.strictSame(await user.calls(), ['gh auth token --hostname github.com'])
  for (const body of [
    'echo gho_0123456789; exit 1',
    'echo "no oauth token found" >&2; exit 1',
    'echo',
    'echo two words',
  ]) {
    await user.setGh(body)
    t.equal(await whyNot(gh, hub), '`gh auth token` has none', body)
  }
  chmodSync(join(user.bin, 'gh'), 0o644)
  t.match(await whyNot(none, hub), 'gh is not on the PATH')
})

t.test('what a host was asked with, in words', async t => {
  const credential = { username: 'anna', password: 'x', source: 'GITHUB_TOKEN' }
  t.equal(refusalOf('github.com', { kind: 'found', credential }, 'refused'), 'github.com refused GITHUB_TOKEN')
  t.equal(
    refusalOf('github.com', { kind: 'found', credential }, 'not found'),
    'github.com has no such repository for GITHUB_TOKEN',
  )
  t.equal(
    refusalOf('git.corp', { kind: 'none', why: '`git credential` has none' }, 'refused'),
    'no credential was found for git.corp: `git credential` has none',
  )
})
