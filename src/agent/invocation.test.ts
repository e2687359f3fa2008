import t from 'tap'
import { newJob } from '../../test/helpers/jobs.ts'
import { plainProfile } from '../../test/helpers/profiles.ts'
import { accessFor } from './credentials.ts'
import { agentFiles } from './files.ts'
import { agentArguments, agentEnvironment } from './invocation.ts'

t.test('the task, the briefing and secrets are in no argument; nothing is inherited', async t => {
  const job = newJob(new Date(), { task: 'CANARY-task', model: 'm', maxTurns: 3, maxBudgetUsd: 0.5 })
  const request = {
    job,
    cwd: '/tree',
    prompt: 'CANARY-task',
    briefing: 'CANARY-briefing',
    sessionId: 'sid',
    resume: false,
    profile: plainProfile,
    configDir: '/config',
    marker: 'id/1',
    scratch: '/scratch',
  }
  const files = agentFiles(request)
  const args = agentArguments(request, files)
  t.notMatch(args.join('\0'), 'CANARY')
  const joined = args.join(' ')
  for (const part of [
    '-p --output-format stream-json --verbose',
    '--setting-sources user',
    '--strict-mcp-config',
    '--add-dir /tree',
    '--session-id sid',
    '--model m',
    '--max-turns 3',
    '--max-budget-usd 0.5',
  ]) {
    t.match(joined, part)
  }
  t.notMatch(agentArguments({ ...request, job: newJob(new Date()) }, files).join(' '), /--model|--max-/)
  const host = { path: '/bin', authorName: 'a', authorEmail: 'a@b', network: { HTTPS_PROXY: 'p' }, isRoot: false }
  const env = agentEnvironment(request, files, host)
  t.match(env, {
    HOME: '/scratch/home',
    CLAUDE_CONFIG_DIR: '/scratch/claude',
    TMPDIR: '/scratch/tmp',
    PATH: '/bin',
    HTTPS_PROXY: 'p',
    GIT_CEILING_DIRECTORIES: '/:/scratch',
    AGENTICORE_JOB_MARKER: 'id/1',
  })
  t.equal(env.IS_SANDBOX, undefined)
  t.equal(agentEnvironment(request, files, { ...host, isRoot: true }).IS_SANDBOX, '1')
})

t.test('the first credential that is set is used; keys go by descriptor', async t => {
  const none = { apiKey: '', authToken: '', oauthToken: '', baseUrl: '', cloud: {} }
  const all = {
    apiKey: 'sk-ant-api03-k',
    authToken: 't',
    oauthToken: 'o',
    baseUrl: 'http://m',
    cloud: { CLAUDE_CODE_USE_BEDROCK: '1' },
  }
  t.strictSame(accessFor(all), {
    env: { ANTHROPIC_BASE_URL: 'http://m', CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR: '5' },
    descriptors: new Map([[5, 'sk-ant-api03-k']]),
  })
  t.strictSame(accessFor({ ...all, apiKey: '' }).env, { ANTHROPIC_BASE_URL: 'http://m', ANTHROPIC_AUTH_TOKEN: 't' })
  t.strictSame(accessFor({ ...none, oauthToken: 'o' }), {
    env: { CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR: '5' },
    descriptors: new Map([[5, 'o']]),
  })
  for (const [given, variable] of [
    ['sk-ant-api03-x', 'CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR'],
    ['sk-ant-oat01-x', 'CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR'],
  ] as const) {
    t.strictSame(
      accessFor({ ...none, apiKey: given }),
      { env: { [variable]: '5' }, descriptors: new Map([[5, given]]) },
      `what is in the place of a key: ${given}`,
    )
  }
  t.strictSame(accessFor({ ...none, apiKey: 'of-a-gateway', oauthToken: 'o' }).env, {
    ANTHROPIC_AUTH_TOKEN: 'of-a-gateway',
  })
  t.strictSame(accessFor({ ...none, cloud: all.cloud }).env, all.cloud)
  t.throws(() => accessFor(none), { code: 'no_model_credentials' })
})
