import type { Values } from './values.ts'

interface Variable {
  readonly name: string
  readonly [key: string]: unknown
}

const literal = (name: string, value: string | number): Variable => ({ name, value: String(value) })
const ifGiven = (name: string, value: string | number): Variable[] => (value === '' ? [] : [literal(name, value)])
const ofPod = (name: string, fieldPath: string): Variable => ({ name, valueFrom: { fieldRef: { fieldPath } } })

const ofSecret = ({ secretName }: Values, name: string, key: string, isOptional: boolean): Variable => ({
  name,
  valueFrom: { secretKeyRef: { name: secretName, key, ...(isOptional ? { optional: true } : {}) } },
})

export const worktreeRoot = '/app/worktrees'

/** What of a pod can be written, besides the shared volume. */
export const ownMounts = [
  { name: 'worktrees', mountPath: worktreeRoot },
  { name: 'home', mountPath: '/home/agenticore' },
  { name: 'tmp', mountPath: '/tmp' },
  { name: 'var-tmp', mountPath: '/var/tmp' },
  { name: 'run', mountPath: '/run/agenticore' },
] as const

/** What the image has in it or a pod brings along: none of it may be hidden by the shared volume. */
export const takenPlaces = [
  ...['/app', '/bin', '/boot', '/dev', '/etc', '/home', '/lib', '/lib64', '/opt/agentihooks', '/proc', '/root', '/run'],
  ...['/sbin', '/sys', '/tmp', '/usr', '/var/tmp'],
] as const

/** What the container gets. Of a variable that is given, too, the given one counts. */
export function environment(values: Values): Variable[] {
  const { config, agent, agentihooks, worktrees, extraEnv } = values
  const own = [
    ofPod('AGENTICORE_POD_NAME', 'metadata.name'),
    ofPod('AGENTICORE_POD_INDEX', "metadata.labels['apps.kubernetes.io/pod-index']"),
    literal('AGENTICORE_HOST', '0.0.0.0'),
    literal('AGENTICORE_PORT', config.port),
    literal('AGENTICORE_TRANSPORT', config.transport),
    literal('AGENTICORE_DEFAULT_PROFILE', config.defaultProfile),
    literal('AGENTIHOOKS_PROFILE', config.agentihooksProfile),
    literal('AGENTICORE_MAX_PARALLEL_JOBS', config.maxParallelJobs),
    literal('AGENTICORE_JOB_TTL', config.jobTtl),
    literal('AGENTICORE_CLAUDE_BINARY', config.claudeBinary),
    literal('AGENTICORE_CLAUDE_TIMEOUT', config.claudeTimeout),
    literal('AGENTICORE_AGENT_ISOLATION', agent.isolation),
    ...sharedPlaces(values),
    literal('AGENTICORE_WORKTREE_ROOT', worktreeRoot),
    literal('AGENTICORE_CACHE_LIMIT', worktrees.cacheLimit),
    ...ifGiven('AGENTICORE_AGENTIHOOKS_URL', agentihooks.url),
    ...ifGiven('AGENTICORE_AGENTIHOOKS_PATH', agentihooks.path),
    ...ifGiven('AGENTICORE_AGENTIHOOKS_SYNC_INTERVAL', agentihooks.syncInterval),
    literal('REDIS_KEY_PREFIX', config.redisKeyPrefix),
    ofSecret(values, 'REDIS_URL', 'redis-url', false),
    apiKeys(values),
    ofSecret(values, 'ANTHROPIC_API_KEY', 'anthropic-api-key', true),
    ofSecret(values, 'GITHUB_TOKEN', 'github-token', true),
  ]
  const given = new Set(extraEnv.map(({ name }) => name))
  return [...own.filter(({ name }) => !given.has(name)), ...extraEnv]
}

const apiKeys = (values: Values): Variable => ofSecret(values, 'AGENTICORE_API_KEYS', 'api-keys', true)

/** Places on the shared volume. */
export const sharedPlaces = ({ sharedFs }: Values): Variable[] => [
  literal('AGENTICORE_SHARED_FS_ROOT', sharedFs.root),
  literal('AGENTICORE_REPOS_ROOT', sharedFs.reposRoot),
  literal('AGENTICORE_JOBS_DIR', sharedFs.jobsDir),
]
