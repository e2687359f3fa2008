import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { sampleOf, secretSettings } from '../../test/helpers/settings.ts'
import { loadSurroundings, SettingError } from './load.ts'
import { allSettings } from './settings.ts'

const file = '~/.agenticore/config.yml'

/** What is read where this is the user's file. */
async function load(t: Test, yaml: string | Uint8Array, env: Record<string, string> = {}, mode = 0o600) {
  const home = t.testdir({ '.agenticore': {} })
  const path = join(home, '.agenticore/config.yml')
  writeFileSync(path, yaml)
  chmodSync(path, mode)
  return await loadSurroundings({ HOME: home, ...env })
}

const nested = (name: string, value: unknown): string => {
  const [group, key] = name.split('.')
  return `${group}:\n  ${key}: ${JSON.stringify(value)}\n`
}

t.test('every key says the same as its variable', async t => {
  const home = '/home/you'
  for (const setting of allSettings()) {
    const { variable, yaml, kind } = setting
    if (yaml === undefined) continue
    const { text, wrong } = sampleOf(setting)
    const isWebhook = variable === 'AGENTICORE_WEBHOOK_URL'
    const { settings } = await loadSurroundings({
      HOME: home,
      [variable]: text,
      ...(isWebhook && { AGENTICORE_WEBHOOK_SECRET: 'x' }),
    })
    const read = await load(t, `${nested(yaml, text)}${isWebhook ? '  secret: x\n' : ''}`)
    const expected: unknown = JSON.parse(JSON.stringify(settings).replaceAll(home, read.home))
    t.strictSame(JSON.parse(JSON.stringify(read.settings)), expected, yaml)
    const shown = kind.secret ? 'a value' : JSON.stringify(wrong)
    const column = (yaml.split('.')[1]?.length ?? 0) + 5
    await t.rejects(
      load(t, nested(yaml, wrong)),
      new SettingError(`${file}:2:${column}: ${yaml} is ${shown}; allowed is ${kind.allowed}.`),
      yaml,
    )
    if (!kind.list) continue
    t.strictSame((await load(t, nested(yaml, text.split(',')))).settings, read.settings, `${yaml} as a list`)
  }
})

t.test('the environment counts before the file, the file before the default', async t => {
  const yaml = 'server: {port: 8300, host: "::1"}\ngithub: {token: of-file}\nclaude:\nrepos: {root: ~, pod_name: ""}\n'
  const { settings } = await load(t, yaml, { AGENTICORE_PORT: '8400', AGENTICORE_HOST: '' })
  t.match(settings, { serverPort: 8400, serverHost: '::1', githubToken: 'of-file', claudeBinary: 'claude' })
  t.not(settings.podName, '', 'a key without a value counts as unset')
  const linked = await load(t, yaml, { AGENTICORE_PORT: 'tcp://10.0.0.7:8200' })
  t.equal(linked.settings.serverPort, 8300, 'and so does what Kubernetes set')
  const token = await load(t, 'github:\n  token_file: /no/such/file\n', { GITHUB_TOKEN: 'of-variable' })
  t.equal(token.settings.githubToken, 'of-variable', 'what is not needed is not read')
})

t.test('words are taken as they are written', async t => {
  const yaml = `# a comment
repos: &r
  pod_name: 007
  job_ttl_seconds: &day 86400
  max_parallel_jobs: 12 # more
claude: {timeout: *day, binary: '~/bin/claude'}
git:
  author_name: !!str 1.50
  allowed_hosts:
    - GitHub.com
    - &corp ghe.corp
    - *corp
`
  t.match((await load(t, yaml)).settings, {
    podName: '007',
    maxParallelJobs: 12,
    claudeTimeoutSeconds: 86_400,
    claudeBinary: '~/bin/claude',
    gitAuthorName: '1.50',
    allowedHosts: ['github.com', 'ghe.corp', 'ghe.corp'],
  })
  t.equal((await load(t, '\ufeffserver:\r\n  port: 1\r\n')).settings.serverPort, 1, 'a BOM, and Windows newlines')
})

t.test('nothing in it is nothing given', async t => {
  for (const yaml of ['', '\n', '# only a comment\n', '---\n', 'null', '{}', 'server:\n', 'server: {}\n', 'jobs: ~']) {
    t.equal((await load(t, yaml)).settings.serverPort, 8200, JSON.stringify(yaml))
  }
})

t.test('what is wrong is said with line, column and what is allowed', async t => {
  for (const [yaml, says] of [
    ['# x\n\nserver:\n  port: eight\n', ':4:9: server.port is "eight"; allowed is a port from 0 to 65535; 0 is any'],
    ['server:\n  prot: 1', ':2:3: There is no key server.prot, did you mean "server.port"?'],
    [
      'server:\n  max_parallel_jobs: 1',
      ':2:3: There is no key server.max_parallel_jobs, did you mean "repos.max_paral',
    ],
    ['sever:\n  port: 1', ':1:1: There is no key sever, did you mean "server"?'],
    ['port: 1', ':1:1: There is no key port, did you mean "server.port"?'],
    ['server.port: 1', ':1:1: server.port has to be nested: port on a line of its own, indented, below server:'],
    ['xyzzy: 1', ':1:1: There is no key xyzzy.'],
    ['repos:\n  pod_name_file: /x', ':2:3: There is no key repos.pod_name_file, did you mean "repos.pod_name"?'],
    ['server:\n  port: 1\n  host: a\n  port: 1', ':4:3: server.port is there twice.'],
    ['server:\n  port: 1\nlog: {}\nserver:\n', ':4:1: server is there twice.'],
    ['server:\n  port: [1]', ':2:9: server.port is a list; allowed is a port'],
    ['server:\n  port: {a: 1}', ':2:9: server.port is a mapping; allowed is a port'],
    ['git:\n  allowed_hosts: {a: 1}', ':2:18: git.allowed_hosts is a mapping; allowed is host names'],
    ['git:\n  allowed_hosts:\n    - a\n    - [b]', ':4:7: git.allowed_hosts is a list; allowed is host names'],
    ['git:\n  allowed_hosts: [a, "b,c"]', ':2:22: An item of git.allowed_hosts is empty or has a comma'],
    ['git:\n  allowed_hosts: [a, ""]', ':2:22: An item of git.allowed_hosts is empty'],
    ['git:\n  allowed_hosts: [a, ]\n  author_name: "a\\0b"', ':3:16: git.author_name is "a\\u0000b"'],
    ['log: {level: "\\e[2J\\u202e"}', ':1:14: log.level is "\\u001b[2J\\u202e"; allowed is trace'],
    ['repos: {root: "/a\\0b"}', ':1:15: repos.root is "/a\\u0000b"; allowed is an absolute path'],
    ['"a\\eb": 1', ':1:1: There is no key "a\\u001bb".'],
    ['server: [port]', ':1:9: server is a list; allowed are keys with values.'],
    ['server: 8200', ':1:9: server is a single value; allowed are keys with values.'],
    ['- server', ':1:1: It has to be groups of keys with values.'],
    ['8200', ':1:1: It has to be groups of keys with values.'],
    ['server:\n  port: 1\n host: a\n', ':3:'],
    ['server:\n\tport: 1\n', ':2:1: This is no YAML: Tabs are not allowed as indentation.'],
    ['server: {port: 1', ':1:17: This is no YAML: Flow map in block collection must be'],
    ['server: *nobody', ':1:9: This is an alias (*) of nothing; text that starts with * has to be quoted.'],
    ['a: 1\n---\nb: 2\n', ':2:1: This is no YAML: Source contains multiple documents.'],
    ['server: {port: !secret 1}', ':1:16: This is no YAML: '],
    ['webhook:\n  url: https://hooks.corp/', ':2:8: webhook.url is set and webhook.secret is not; set both'],
    ['github:\n  token: a\n  token_file: /b', ':3:15: Both github.token and github.token_file are set'],
    ['github:\n  token_file: b', ':2:15: github.token_file is "b"; allowed is an absolute path'],
    ['github:\n  token_file: /no/such', ':2:15: github.token_file cannot be read: ENOENT'],
  ] as const) {
    await t.rejects(load(t, yaml), { name: 'SettingError' }, yaml)
    const message = await load(t, yaml).then(() => '', String)
    t.ok(message.startsWith(`SettingError: ${file}${says}`), `${message} for ${JSON.stringify(yaml)}`)
    t.notMatch(message, /\n/, 'one line')
  }
})

t.test('a secret is not shown, however the file is broken', async t => {
  for (const { yaml } of secretSettings()) {
    if (yaml === undefined) continue
    const [group, key] = yaml.split('.')
    for (const value of [
      '"canary\\nva lue"',
      '[canary, [canary]]',
      '{canary: canary}',
      '"canary',
      '"canary" canary',
      '@canary',
      'canary: canary',
      '- canary',
      '&canary',
      '*canary',
      '!canary canary',
      '%canary',
      '"\\canary"',
      '|canary\n canary',
      '[canary',
      'a\ncanary',
    ]) {
      const message = await load(t, `${group}:\n  ${key}: ${value}`).then(() => '', String)
      t.notMatch(message, /canary/, `${yaml}: ${value}`)
    }
  }
})

t.test('a secret from a file of its own', async t => {
  const config = 'server:\n  api_keys_file: ~/.agenticore/keys\n'
  const HOME = t.testdir({ '.agenticore': { 'config.yml': config, keys: 'one\ntwo\n' } })
  const { settings, warnings } = await loadSurroundings({ HOME })
  t.strictSame(settings.apiKeys, ['one', 'two'])
  t.strictSame(warnings, [], 'then anybody may read the rest')
  writeFileSync(join(HOME, '.agenticore/keys'), 'one, canary two')
  await t.rejects(loadSurroundings({ HOME }), {
    message: /^~\/\.agenticore\/config\.yml:2:18: server\.api_keys is a value; allowed is keys with commas/,
  })
})

t.test('a secret that others can read is warned of', async t => {
  const yaml = 'github:\n  token: abc\nserver:\n  api_keys: [a]\n'
  t.strictSame((await load(t, yaml, {}, 0o640)).warnings, [
    `${file} holds github.token, server.api_keys, and others can read it (mode 0640); chmod 600 it.`,
  ])
  t.strictSame((await load(t, yaml, {}, 0o600)).warnings, [])
  t.strictSame((await load(t, 'server: {port: 1}', {}, 0o644)).warnings, [])
})

t.test('keys of other versions are passed over with a warning', async t => {
  const yaml =
    'langfuse:\n  url: https://:canary@r\n  url: twice\nagentihub: [any]\nagentihooks: {sync_interval: 5, profile: p}\njobs: {max_attempts: 45, queue_limit: 7}\n'
  const { settings, warnings } = await load(t, yaml)
  t.equal(settings.queueLimit, 7)
  t.strictSame(warnings, [
    `${file}:1:1: langfuse is not used by this version (docs/migration.md).`,
    `${file}:4:1: agentihub is not used by this version (docs/migration.md).`,
    `${file}:5:15: agentihooks.sync_interval is not used by this version (docs/migration.md).`,
    `${file}:6:8: jobs.max_attempts is not used by this version (docs/migration.md).`,
  ])
})

t.test('a file that cannot be used is not passed over', async t => {
  const inHome = (fixture: NonNullable<Parameters<Test['testdir']>[0]>) =>
    loadSurroundings({ HOME: t.testdir({ '.agenticore': fixture }) })
  await t.rejects(inHome({ 'config.yml': {} }), new SettingError(`${file} is no file.`))
  await t.rejects(load(t, '#'.repeat(1024 * 1024 + 1)), new SettingError(`${file} has more than 1 MiB.`))
  await t.rejects(load(t, Uint8Array.of(0x61, 0x3a, 0xff)), new SettingError(`${file} is no UTF-8 text.`))
  await t.rejects(inHome({ 'config.yml': t.fixture('symlink', 'config.yml') }), { message: /cannot be read: ELOOP/ })
  t.strictSame((await inHome({ 'config.yaml': 'server: {port: 1}' })).warnings, [
    '~/.agenticore/config.yaml is not read; its name has to be config.yml.',
  ])
  t.strictSame((await loadSurroundings({ HOME: '/dev/null' })).warnings, [], 'a home that is none')
})

t.test('a file that may not be read', { skip: process.getuid?.() === 0 && 'root may read all' }, async t => {
  await t.rejects(load(t, 'server: {}', {}, 0o000), { message: /^~\/\.agenticore\/config\.yml cannot be read: EACCES/ })
})
