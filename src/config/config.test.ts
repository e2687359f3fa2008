import t from 'tap'
import { sampleOf, secretSettings } from '../../test/helpers/settings.ts'
import { loadSurroundings, SettingError } from './load.ts'
import { allSettings, type Settings } from './settings.ts'

const home = '/home/you'

const load = async (env: Record<string, string>): Promise<Settings> =>
  (await loadSurroundings({ HOME: home, ...env })).settings

/** Whether a field that had another value before has this one now. */
const hasNew = (after: Settings, before: Settings, value: unknown): boolean =>
  Object.entries(after).some(([name, held]) => {
    const was = Object.entries(before).find(([other]) => other === name)?.[1]
    return JSON.stringify(held) === JSON.stringify(value) && JSON.stringify(held) !== JSON.stringify(was)
  })

t.test('defaults, with an empty variable counting as unset', async t => {
  const settings = await load({ AGENTICORE_CLAUDE_TIMEOUT: '', GITHUB_TOKEN: '' })
  t.match(settings, {
    claudeBinary: 'claude',
    claudeTimeoutSeconds: 3600,
    jobsDir: '/home/you/.agenticore/jobs',
    worktreeRoot: '/home/you/.agenticore/worktrees',
    reposRoot: '/home/you/agenticore-repos',
    jobTtlSeconds: 86_400,
    githubToken: '',
    githubApiUrl: 'https://api.github.com',
    allowedHosts: [],
    serverHost: '127.0.0.1',
    serverPort: 8200,
    controlSocket: '/home/you/.agenticore/control.sock',
    transport: 'sse',
    apiKeys: [],
    maxParallelJobs: 3,
    queueLimit: 100_000,
    minFreeDiskBytes: 2 * 1024 ** 3,
    clientUrl: '',
    clientApiKey: '',
    logLevel: 'info',
    logFormat: 'auto',
    otelEnabled: 'auto',
    otelEndpoint: '',
    otelProtocol: 'grpc',
    otelLogPrompts: false,
    otelLogToolDetails: true,
  })
})

t.test('values are read by their kind', async t => {
  const settings = await load({
    AGENTICORE_JOBS_DIR: '~/jobs',
    AGENTICORE_REPOS_ROOT: '/srv/repos',
    AGENTICORE_ALLOWED_HOSTS: 'GitHub.com, ghe.corp',
    AGENTICORE_PORT: '0',
    AGENTICORE_API_KEYS: 'one, two,',
    AGENTICORE_OTEL_ENABLED: 'No',
    AGENTICORE_LOG_LEVEL: 'WARN',
    AGENTICORE_MIN_FREE_DISK: '500MiB',
  })
  t.match(settings, {
    jobsDir: '/home/you/jobs',
    reposRoot: '/srv/repos',
    allowedHosts: ['github.com', 'ghe.corp'],
    serverPort: 0,
    apiKeys: ['one', 'two'],
    otelEnabled: false,
    logLevel: 'warn',
    minFreeDiskBytes: 500 * 1024 ** 2,
  })
})

t.test('what Kubernetes sets for a Service named agenticore counts as unset', async t => {
  const link = 'tcp://10.0.0.7:8200'
  t.match(await load({ AGENTICORE_PORT: link, AGENTICORE_HOST: link }), { serverPort: 8200, serverHost: '127.0.0.1' })
})

t.test('every setting takes what its kind allows, and names itself with what is wrong', async t => {
  const defaults = await load({})
  for (const setting of allSettings()) {
    const { variable, kind } = setting
    const { text, value, wrong } = sampleOf(setting)
    const companion = variable === 'AGENTICORE_WEBHOOK_URL' ? { AGENTICORE_WEBHOOK_SECRET: 'x' } : undefined
    const read = await load({ [variable]: text, ...companion })
    t.ok(hasNew(read, defaults, value), variable)
    const shown = kind.secret ? 'a value' : JSON.stringify(wrong)
    await t.rejects(
      load({ [variable]: wrong }),
      new SettingError(`${variable} is ${shown}; allowed is ${kind.allowed}.`),
      variable,
    )
  }
})

t.test('a wrong value is named with its variable and what is allowed; that of a secret is not shown', async t => {
  for (const [variable, value, says] of [
    ['AGENTICORE_CLAUDE_TIMEOUT', '-5', 'is "-5"; allowed is a whole number of seconds greater than 0'],
    ['AGENTICORE_JOB_TTL', '1.5', 'is "1.5"'],
    ['AGENTICORE_JOBS_DIR', 'jobs', 'is "jobs"; allowed is an absolute path'],
    ['GITHUB_API_URL', 'github.com', 'an https:// address'],
    ['GITHUB_API_URL', 'http://ghe.corp/api', 'on this machine alone'],
    ['GITHUB_API_URL', 'https://user:pass@ghe.corp', 'is "https://[*]{3}@ghe.corp"; .*without credentials'],
    ['GITHUB_API_URL', 'https://ghe.corp/a\nb', 'is "https://ghe.corp/a.nb"'],
    ['AGENTICORE_ALLOWED_HOSTS', 'a,,b', 'host names'],
    ['AGENTICORE_POD_NAME', 'a\nb', 'one line'],
    ['AGENTICORE_WEBHOOK_URL', 'http://hooks.corp/', 'on this machine alone'],
    ['AGENTICORE_WEBHOOK_URL', 'https://user:pass@hooks.corp', 'without credentials'],
    ['AGENTICORE_PORT', '65536', 'a port from 0 to 65535'],
    ['AGENTICORE_PORT', '-1', 'a port from 0 to 65535'],
    ['AGENTICORE_MAX_PARALLEL_JOBS', '0', 'a whole number from 1 to 1000'],
    ['AGENTICORE_MAX_PARALLEL_JOBS', '1001', 'a whole number from 1 to 1000'],
    ['AGENTICORE_URL', 'http://user:pass@corp', 'without credentials'],
    ['AGENTICORE_URL', 'http://corp/?a=1', 'without credentials, . and #'],
    ['AGENTICORE_URL', 'http://corp/#f', 'without credentials, . and #'],
    ['AGENTICORE_LOG_FORMAT', 'auto', 'json or text'],
    ['AGENTICORE_LOG_LEVEL', '\u001b[2J\u202e', 'is "[\\\\]u001b\\[2J[\\\\]u202e"'],
    ['AGENTICORE_LOG_LEVEL', 'x'.repeat(5000), 'is "x{200}…"; allowed'],
  ] as const) {
    await t.rejects(load({ [variable]: value }), {
      message: new RegExp(`^${variable} .*${says.replaceAll('/', '.')}`),
    })
  }
  for (const { variable } of secretSettings()) {
    const error = await load({ [variable]: 'canary\nva lue' }).then(() => t.fail(variable), String)
    t.match(error, `${variable} is a value`)
    t.notMatch(error, 'canary')
  }
})

t.test('a secret can come from a file, but not from two places', async t => {
  const directory = t.testdir({ token: 'from-file\n', keys: 'one\ntwo, three\n', empty: '\n' })
  const file = `${directory}/token`
  t.equal((await load({ GITHUB_TOKEN_FILE: file })).githubToken, 'from-file')
  t.equal((await load({ HOME: directory, GITHUB_TOKEN_FILE: '~/token' })).githubToken, 'from-file')
  t.equal((await load({ GITHUB_TOKEN_FILE: `${directory}/empty` })).githubToken, '')
  await t.rejects(
    load({ AGENTICORE_API_KEYS_FILE: `${directory}/empty` }),
    /AGENTICORE_API_KEYS_FILE is ".*\/empty", and that file is empty; put a value into it\./,
  )
  t.strictSame((await load({ AGENTICORE_API_KEYS_FILE: `${directory}/keys` })).apiKeys, ['one', 'two', 'three'])
  await t.rejects(
    load({ GITHUB_TOKEN_FILE: file, GITHUB_TOKEN: 'x' }),
    new SettingError('Both GITHUB_TOKEN and GITHUB_TOKEN_FILE are set; set one of them.'),
  )
  await t.rejects(load({ GITHUB_TOKEN_FILE: '/no/such/file' }), /GITHUB_TOKEN_FILE cannot be read: ENOENT/)
  t.equal((await load({ AGENTICORE_POD_NAME_FILE: file })).podName.length > 0, true, 'only secrets have files')
})

t.test('a webhook is an address and a secret', async t => {
  const url = 'https://hooks.corp/x?y=1'
  const whole = await load({ AGENTICORE_WEBHOOK_URL: url, AGENTICORE_WEBHOOK_SECRET: 'any text' })
  t.match(whole, { webhookUrl: url, webhookSecret: 'any text' })
  await t.rejects(load({ AGENTICORE_WEBHOOK_URL: url, AGENTICORE_WEBHOOK_SECRET: '' }), {
    name: 'SettingError',
    message: /^AGENTICORE_WEBHOOK_URL is set and AGENTICORE_WEBHOOK_SECRET is not; set both/,
  })
  t.equal((await load({ AGENTICORE_WEBHOOK_SECRET: 'alone' })).webhookUrl, '', 'a secret alone sends nothing')
  const key = Buffer.alloc(24, 'key').toString('base64')
  t.equal((await load({ AGENTICORE_WEBHOOK_SECRET: `whsec_${key}` })).webhookSecret, `whsec_${key}`)
  for (const wrong of ['whsec_', `whsec_${key.slice(1)}`, `whsec_${key}!`, `whsec_${key} `]) {
    await t.rejects(load({ AGENTICORE_WEBHOOK_SECRET: wrong }), { message: /is a value; .* base64 of 24/ })
  }
})

t.test('what is handed on is picked by name; cloud variables only when a cloud is switched on', async t => {
  const env = {
    HOME: home,
    PATH: '/bin',
    https_proxy: 'http://p',
    NO_PROXY: 'x',
    AWS_REGION: 'eu',
    RANDOM: '1',
    SSH_AUTH_SOCK: '/s',
  }
  t.match(await loadSurroundings(env), { home, path: '/bin', sshAuthSock: '/s', cloud: {} })
  t.strictSame((await loadSurroundings(env)).network, { https_proxy: 'http://p', NO_PROXY: 'x' })
  const certificates = { SSL_CERT_FILE: '/ca.pem' }
  t.strictSame(
    (await loadSurroundings({ ...env, ...certificates })).network.GIT_SSL_CAINFO,
    '/ca.pem',
    "Debian's git knows it by this name alone",
  )
  const own = { ...certificates, GIT_SSL_CAINFO: '/git.pem' }
  t.strictSame((await loadSurroundings({ ...env, ...own })).network.GIT_SSL_CAINFO, '/git.pem')
  const bedrock = await loadSurroundings({ ...env, CLAUDE_CODE_USE_BEDROCK: '1' })
  t.strictSame(bedrock.cloud, { AWS_REGION: 'eu', CLAUDE_CODE_USE_BEDROCK: '1' })
})

t.test(
  "the user's own programs get what they would have without us, but nothing that is ours or steers git",
  async t => {
    const kept = { HOME: home, PATH: '/bin', XDG_CONFIG_HOME: '/x', GH_TOKEN: 'gh', GIT_CONFIG_GLOBAL: '/own' }
    const dropped = {
      GITHUB_TOKEN: 'ours',
      ANTHROPIC_API_KEY: 'ours',
      GIT_DIR: '/evil',
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_PARAMETERS: "'a.b'='c'",
      GIT_ASKPASS: '/ask',
      SSH_ASKPASS: '/ask',
      SSH_ASKPASS_REQUIRE: 'force',
      GIT_TRACE_CURL: '/trace',
    }
    t.strictSame((await loadSurroundings({ ...kept, ...dropped })).userEnvironment, kept)
    for (const setting of secretSettings()) {
      const { variable } = setting
      const { userEnvironment } = await loadSurroundings({ ...kept, [variable]: sampleOf(setting).text })
      t.notOk(Object.hasOwn(userEnvironment, variable), variable)
    }
  },
)
