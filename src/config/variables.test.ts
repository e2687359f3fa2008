import { join } from 'node:path'
import t from 'tap'
import { loadSurroundings } from './load.ts'
import { allSettings } from './settings.ts'

const warningsOf = async (env: Record<string, string>): Promise<readonly string[]> =>
  (await loadSurroundings({ HOME: '/home/you', ...env })).warnings

t.test('a variable that is no setting is named with the nearest', async t => {
  for (const [variable, says] of [
    ['AGENTICORE_PROT', 'is no setting, did you mean "AGENTICORE_PORT"?'],
    ['AGENTICORE_MAX_PARALEL_JOBS', 'is no setting, did you mean "AGENTICORE_MAX_PARALLEL_JOBS"?'],
    ['AGENTICORE_API_KEYS_FIL', 'is no setting, did you mean "AGENTICORE_API_KEYS_FILE"?'],
    ['AGENTICORE_POD_NAME_FILE', 'is no setting, did you mean "AGENTICORE_POD_NAME"?'],
    ['AGENTICORE_XYZZY_FROBNICATION_LEVEL', 'is no setting.'],
    ['AGENTICORE_CLONE_ROOT', 'is not used by this version (docs/migration.md).'],
    ['AGENTICORE_AGENTIHUB_URL', 'is not used by this version (docs/migration.md).'],
    ['AGENT_MODE', 'is not used by this version (docs/migration.md).'],
    ['AGENTICORE_AGENTIHOOKS_BRANCH', 'is not used by this version (docs/migration.md).'],
    [
      'AGENTICORE_AGENTIHOOKS_SYNC_INTERVAL',
      'has no effect any more: agentihooks is installed once, when a server starts.',
    ],
    [
      'AGENTICORE_MAX_ATTEMPTS',
      'has no effect yet: a job that failed has ended, and agenticore retry asks for the same again.',
    ],
    ['GITHUB_APP_PRIVATE_KEY_BASE64', 'is not used by this version (docs/migration.md).'],
  ] as const) {
    t.strictSame(await warningsOf({ [variable]: 'canary' }), [`${variable} ${says}`])
    t.strictSame(await warningsOf({ [variable]: '' }), [], 'an empty one counts as unset')
  }
})

t.test('whoever gives a command hears of what is misspelt, and not of what he brings along', async t => {
  const { unknown } = await loadSurroundings({ HOME: '/home/you', AGENTICORE_PROT: '1', AGENT_MODE: 'x' })
  t.strictSame(unknown, ['AGENTICORE_PROT is no setting, did you mean "AGENTICORE_PORT"?'])
})

t.test('of what is ours and of Kubernetes there is nothing to say', async t => {
  const link = 'tcp://10.0.0.7:8200'
  t.strictSame(
    await warningsOf({
      AGENTICORE_JOB_MARKER: 'x',
      AGENTICORE_AGENTIHOOKS_PATH: '/x',
      AGENTICORE_LEASE_SECONDS: '45',
      AGENTICORE_MAX_ATTEMPTS: '1',
      REDIS_URL: 'redis://r',
      AGENTICORE_PORT: link,
      AGENTICORE_PORT_8200_TCP: link,
      AGENTICORE_PORT_8200_TCP_ADDR: '10.0.0.7',
      AGENTICORE_SERVICE_HOST: '10.0.0.7',
      AGENTICORE_SERVICE_PORT_HTTP: '8200',
      AGENTICORE_REDIS_PORT: link,
    }),
    [],
  )
  const keys = join(t.testdir({ keys: 'one' }), 'keys')
  t.strictSame(await warningsOf({ AGENTICORE_API_KEYS_FILE: keys }), [])
  for (const { variable, kind } of allSettings().filter(each => !each.kind.neverEmpty)) {
    const file = kind.secret ? { [`${variable}_FILE`]: '/dev/null' } : { [variable]: '' }
    t.strictSame(await warningsOf(file), [], variable)
  }
})

t.test('telemetry that is on and goes nowhere', async t => {
  t.strictSame(await warningsOf({ AGENTICORE_OTEL_ENABLED: 'true' }), [
    'AGENTICORE_OTEL_ENABLED is true and OTEL_EXPORTER_OTLP_ENDPOINT is not set; nothing is sent.',
  ])
  t.strictSame(await warningsOf({ AGENTICORE_OTEL_ENABLED: 'false' }), [])
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://corp:4317' }
  t.strictSame(await warningsOf({ AGENTICORE_OTEL_ENABLED: 'true', ...endpoint }), [])
})
