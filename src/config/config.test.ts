import t from 'tap'
import { loadSettings, loadSurroundings, SettingError } from './load.ts'
import { readSettings } from './settings.ts'

const home = '/home/you'

t.test('defaults, with an empty variable counting as unset', async t => {
  const settings = loadSettings({ AGENTICORE_CLAUDE_TIMEOUT: '', GITHUB_TOKEN: '' }, home)
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
  })
})

t.test('values are read by their kind', async t => {
  const settings = loadSettings(
    {
      AGENTICORE_JOBS_DIR: '~/jobs',
      AGENTICORE_REPOS_ROOT: '/srv/repos',
      AGENTICORE_ALLOWED_HOSTS: 'GitHub.com, ghe.corp',
    },
    home,
  )
  t.match(settings, { jobsDir: '/home/you/jobs', reposRoot: '/srv/repos', allowedHosts: ['github.com', 'ghe.corp'] })
})

t.test('a wrong value is named with its variable and what is allowed; that of a secret is not shown', async t => {
  for (const [variable, value, says] of [
    ['AGENTICORE_CLAUDE_TIMEOUT', '-5', 'is "-5"; allowed is a whole number of seconds greater than 0'],
    ['AGENTICORE_JOB_TTL', '1.5', 'is "1.5"'],
    ['AGENTICORE_JOBS_DIR', 'jobs', 'is "jobs"; allowed is an absolute path'],
    ['GITHUB_API_URL', 'github.com', 'an https:// address'],
    ['GITHUB_API_URL', 'http://ghe.corp/api', 'on this machine alone'],
    ['GITHUB_API_URL', 'https://user:pass@ghe.corp', 'without credentials'],
    ['AGENTICORE_ALLOWED_HOSTS', 'a,,b', 'host names'],
    ['AGENTICORE_POD_NAME', 'a\nb', 'one line'],
    ['AGENTICORE_WEBHOOK_URL', 'http://hooks.corp/', 'on this machine alone'],
    ['AGENTICORE_WEBHOOK_URL', 'https://user:pass@hooks.corp', 'without credentials'],
  ] as const) {
    t.throws(() => loadSettings({ [variable]: value }, home), {
      message: new RegExp(`^${variable} .*${says.replaceAll('/', '.')}`),
    })
  }
  for (const { variable } of secrets()) {
    try {
      loadSettings({ [variable]: 'canary\nvalue' }, home)
      t.fail(variable)
    } catch (error) {
      t.ok(error instanceof SettingError)
      t.match(String(error), `${variable} is a value`)
      t.notMatch(String(error), 'canary')
    }
  }
})

t.test('a secret can come from a file, but not from two places', async t => {
  const file = `${t.testdir({ token: 'from-file\n' })}/token`
  t.equal(loadSettings({ GITHUB_TOKEN_FILE: file }, home).githubToken, 'from-file')
  t.throws(
    () => loadSettings({ GITHUB_TOKEN_FILE: file, GITHUB_TOKEN: 'x' }, home),
    /Both GITHUB_TOKEN and GITHUB_TOKEN_FILE/,
  )
  t.throws(() => loadSettings({ GITHUB_TOKEN_FILE: '/no/such/file' }, home), /GITHUB_TOKEN_FILE cannot be read: ENOENT/)
  t.equal(loadSettings({ AGENTICORE_POD_NAME_FILE: file }, home).podName.length > 0, true, 'only secrets have files')
})

t.test('a webhook is an address and a secret', async t => {
  const url = 'https://hooks.corp/x?y=1'
  const whole = loadSettings({ AGENTICORE_WEBHOOK_URL: url, AGENTICORE_WEBHOOK_SECRET: 'any text' }, home)
  t.match(whole, { webhookUrl: url, webhookSecret: 'any text' })
  t.throws(() => loadSettings({ AGENTICORE_WEBHOOK_URL: url, AGENTICORE_WEBHOOK_SECRET: '' }, home), {
    name: 'SettingError',
    message: /^AGENTICORE_WEBHOOK_URL is set and AGENTICORE_WEBHOOK_SECRET is not; set both/,
  })
  t.equal(loadSettings({ AGENTICORE_WEBHOOK_SECRET: 'alone' }, home).webhookUrl, '', 'a secret alone sends nothing')
  const key = Buffer.alloc(24, 'key').toString('base64')
  t.equal(loadSettings({ AGENTICORE_WEBHOOK_SECRET: `whsec_${key}` }, home).webhookSecret, `whsec_${key}`)
  for (const wrong of ['whsec_', `whsec_${key.slice(1)}`, `whsec_${key}!`, `whsec_${key} `]) {
    t.throws(() => loadSettings({ AGENTICORE_WEBHOOK_SECRET: wrong }, home), { message: /is a value; .* base64 of 24/ })
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
  t.match(loadSurroundings(env), { home, path: '/bin', sshAuthSock: '/s', cloud: {} })
  t.strictSame(loadSurroundings(env).network, { https_proxy: 'http://p', NO_PROXY: 'x' })
  const bedrock = loadSurroundings({ ...env, CLAUDE_CODE_USE_BEDROCK: '1' })
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
    t.strictSame(loadSurroundings({ ...kept, ...dropped }).userEnvironment, kept)
    for (const { variable } of secrets()) {
      t.notOk(Object.hasOwn(loadSurroundings({ ...kept, [variable]: 'ours' }).userEnvironment, variable), variable)
    }
  },
)

function secrets(): { variable: string }[] {
  const found: { variable: string }[] = []
  readSettings(setting => {
    if (setting.kind.secret) found.push(setting)
    return setting.fallback(home)
  })
  return found
}
