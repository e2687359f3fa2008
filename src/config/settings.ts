import { hostname } from 'node:os'
import { join } from 'node:path'
import { apiUrl, baseUrl, host, hosts, httpUrl, port } from './addresses.ts'
import {
  apiKey,
  apiKeys,
  bytes,
  count,
  directory,
  isolation,
  type Kind,
  keyPrefix,
  oneOf,
  seconds,
  secret,
  signingSecret,
  text,
  truth,
  userId,
} from './kinds.ts'

export interface Setting<T> {
  readonly variable: string
  /** Its name in the configuration file, group and key; without one it is a variable alone. */
  readonly yaml?: string
  readonly kind: Kind<T>
  readonly fallback: (home: string) => T
  /** The default as the documentation writes it. */
  readonly shown: string
  readonly meaning: string
}

const none = { fallback: () => '', shown: 'none' }

/**
 * Every setting, once: its variable, what it may hold, what it is when unset, and its row in docs/settings.md. `read` is
 * asked for each: the loader answers with values, the documentation takes notes.
 */
export function readSettings(read: <T>(setting: Setting<T>) => T) {
  const sharedFsRoot = read({
    variable: 'AGENTICORE_SHARED_FS_ROOT',
    yaml: 'repos.shared_fs_root',
    kind: directory,
    ...none,
    meaning:
      'A volume that several machines share: profiles for all of them, the shared tier of the clone cache, and the jobs.',
  })
  const worktreeRoot = read({
    variable: 'AGENTICORE_WORKTREE_ROOT',
    yaml: 'repos.worktree_root',
    kind: directory,
    fallback: home => join(home, '.agenticore/worktrees'),
    shown: '`~/.agenticore/worktrees`',
    meaning: 'Working trees of running and interrupted jobs, and what their agents need. Keep it on local disk.',
  })
  const onShared = (name: string, otherwise: string): string =>
    sharedFsRoot === '' ? otherwise : join(sharedFsRoot, name)
  return {
    sharedFsRoot,
    worktreeRoot,
    claudeBinary: read({
      variable: 'AGENTICORE_CLAUDE_BINARY',
      yaml: 'claude.binary',
      kind: text,
      fallback: () => 'claude',
      shown: '`claude`',
      meaning: 'The Claude Code CLI: a name on the PATH, or a path.',
    }),
    claudeTimeoutSeconds: read({
      variable: 'AGENTICORE_CLAUDE_TIMEOUT',
      yaml: 'claude.timeout',
      kind: seconds,
      fallback: () => 3600,
      shown: '`3600`',
      meaning: 'Seconds one run of the agent may take, unless the job has a `--timeout` of its own.',
    }),
    defaultProfile: read({
      variable: 'AGENTICORE_DEFAULT_PROFILE',
      yaml: 'claude.default_profile',
      kind: text,
      fallback: () => 'coding',
      shown: '`coding`',
      meaning: 'The [profile](profiles.md) of a job that names none.',
    }),
    agentIsolation: read({
      variable: 'AGENTICORE_AGENT_ISOLATION',
      yaml: 'agent.isolation',
      kind: isolation,
      fallback: () => 'auto' as const,
      shown: '`user` where it can be had, else `none`',
      meaning:
        '`user`: each agent runs as a user of its own, which takes the capabilities SETUID, SETGID, KILL and CHOWN. `none`: as the user agenticore runs as. Forced, it is an error if it cannot be had.',
    }),
    agentUidBase: read({
      variable: 'AGENTICORE_AGENT_UID_BASE',
      yaml: 'agent.uid_base',
      kind: userId,
      fallback: () => 20_000,
      shown: '`20000`',
      meaning: 'The first of 1000 user ids that agents run as under `user`.',
    }),
    jobsDir: read({
      variable: 'AGENTICORE_JOBS_DIR',
      yaml: 'repos.jobs_dir',
      kind: directory,
      fallback: home => onShared('job-state', join(home, '.agenticore/jobs')),
      shown: '`~/.agenticore/jobs`, or `{shared}/job-state`',
      meaning: 'Records, event logs and patches of jobs.',
    }),
    reposRoot: read({
      variable: 'AGENTICORE_REPOS_ROOT',
      yaml: 'repos.root',
      kind: directory,
      fallback: home => onShared('repos', join(home, 'agenticore-repos')),
      shown: '`~/agenticore-repos`, or `{shared}/repos`',
      meaning: 'The clone cache; its shared tier where there is one.',
    }),
    cacheRoot: read({
      variable: 'AGENTICORE_CACHE_ROOT',
      yaml: 'repos.cache_root',
      kind: directory,
      fallback: () => join(worktreeRoot, '.cache'),
      shown: '`{worktree root}/.cache`',
      meaning: "This machine's tier of the clone cache where there is a shared one. Keep it on local disk.",
    }),
    cacheLimitBytes: read({
      variable: 'AGENTICORE_CACHE_LIMIT',
      yaml: 'repos.cache_limit',
      kind: bytes,
      fallback: () => 20 * 1024 ** 3,
      shown: '`20GiB`',
      meaning: 'How much each tier of the clone cache may hold; what was used longest ago goes first.',
    }),
    jobTtlSeconds: read({
      variable: 'AGENTICORE_JOB_TTL',
      yaml: 'repos.job_ttl_seconds',
      kind: seconds,
      fallback: () => 86_400,
      shown: '`86400`',
      meaning:
        'Seconds a job is kept after its end; written into its record. What is older is deleted at the end of a later run.',
    }),
    podName: read({
      variable: 'AGENTICORE_POD_NAME',
      yaml: 'repos.pod_name',
      kind: text,
      fallback: hostname,
      shown: 'the host name',
      meaning: 'The name by which a job says where it ran.',
    }),
    githubToken: read({
      variable: 'GITHUB_TOKEN',
      yaml: 'github.token',
      kind: secret,
      ...none,
      meaning:
        'Reads and pushes repositories on GitHub, and opens pull requests. Sent to GitHub alone. Without it, `git credential` and then `gh auth token` are asked.',
    }),
    githubApiUrl: read({
      variable: 'GITHUB_API_URL',
      yaml: 'github.api_url',
      kind: apiUrl,
      fallback: () => 'https://api.github.com',
      shown: '`https://api.github.com`',
      meaning: 'The API of your GitHub. A repository is on GitHub when its host is github.com or the host of this.',
    }),
    allowedHosts: read({
      variable: 'AGENTICORE_ALLOWED_HOSTS',
      yaml: 'git.allowed_hosts',
      kind: hosts,
      fallback: () => [],
      shown: 'any',
      meaning: 'Hosts that repositories may come from.',
    }),
    gitAuthorName: read({
      variable: 'AGENTICORE_GIT_AUTHOR_NAME',
      yaml: 'git.author_name',
      kind: text,
      fallback: () => 'agenticore',
      shown: '`agenticore`',
      meaning: 'Author of commits.',
    }),
    gitAuthorEmail: read({
      variable: 'AGENTICORE_GIT_AUTHOR_EMAIL',
      yaml: 'git.author_email',
      kind: text,
      fallback: () => 'agenticore@users.noreply.github.com',
      shown: '`agenticore@users.noreply.github.com`',
      meaning: 'Mail address of that author.',
    }),
    anthropicApiKey: read({
      variable: 'ANTHROPIC_API_KEY',
      kind: secret,
      ...none,
      meaning:
        'Opens the model for the agent; handed to it on a descriptor. It may hold either of the next two instead: one that begins with `sk-ant-oat` is taken for a token of `claude setup-token`, one that does not begin with `sk-ant-` for a bearer token. The first of these three that is set is used.',
    }),
    anthropicAuthToken: read({
      variable: 'ANTHROPIC_AUTH_TOKEN',
      kind: secret,
      ...none,
      meaning: 'A bearer token instead, for a gateway; the agent has it in its environment.',
    }),
    claudeOauthToken: read({
      variable: 'CLAUDE_CODE_OAUTH_TOKEN',
      kind: secret,
      ...none,
      meaning: 'A token of `claude setup-token` instead; handed over on a descriptor.',
    }),
    anthropicBaseUrl: read({
      variable: 'ANTHROPIC_BASE_URL',
      kind: httpUrl,
      ...none,
      meaning: 'Another address for the model.',
    }),
    agentihooksPath: read({
      variable: 'AGENTICORE_AGENTIHOOKS_PATH',
      yaml: 'agentihooks.path',
      kind: directory,
      ...none,
      meaning:
        'A checkout of [agentihooks](agentihooks.md) that a server uses in front of the installed one. It wins over the next.',
    }),
    agentihooksUrl: read({
      variable: 'AGENTICORE_AGENTIHOOKS_URL',
      yaml: 'agentihooks.url',
      kind: text,
      ...none,
      meaning:
        'A repository of agentihooks that a server clones and installs when it starts, instead of the installed one.',
    }),
    agentihooksProfile: read({
      variable: 'AGENTIHOOKS_PROFILE',
      yaml: 'agentihooks.profile',
      kind: text,
      fallback: () => 'coding',
      shown: '`coding`',
      meaning: 'The profile of agentihooks that is installed; where there is none of that name, `default`.',
    }),
    agentihooksHome: read({
      variable: 'CLAUDE_CODE_HOME_DIR',
      kind: directory,
      fallback: home => join(home, '.agenticore/agentihooks/home'),
      shown: '`~/.agenticore/agentihooks/home`',
      meaning: 'The home directory that agentihooks installs itself in. In the image it is `~`.',
    }),
    webhookUrl: read({
      variable: 'AGENTICORE_WEBHOOK_URL',
      yaml: 'webhook.url',
      kind: apiUrl,
      ...none,
      meaning: 'Where a [signed message](webhook.md) goes whenever a job has ended. Needs the next one.',
    }),
    webhookSecret: read({
      variable: 'AGENTICORE_WEBHOOK_SECRET',
      yaml: 'webhook.secret',
      kind: signingSecret,
      ...none,
      meaning: 'Signs those messages; the receiver checks them with it.',
    }),
    serverHost: read({
      variable: 'AGENTICORE_HOST',
      yaml: 'server.host',
      kind: host,
      fallback: () => '127.0.0.1',
      shown: '`127.0.0.1`',
      meaning:
        'Where `serve` listens, and where other commands look for it; for those a wildcard address means this machine.',
    }),
    serverPort: read({
      variable: 'AGENTICORE_PORT',
      yaml: 'server.port',
      kind: port,
      fallback: () => 8200,
      shown: '`8200`',
      meaning: 'The port for that. A `tcp://…` value, which Kubernetes sets by itself, counts as unset.',
    }),
    transport: read({
      variable: 'AGENTICORE_TRANSPORT',
      yaml: 'server.transport',
      kind: oneOf('sse', 'stdio'),
      fallback: () => 'sse' as const,
      shown: '`sse`',
      meaning:
        '`sse`: `serve` speaks HTTP, which is REST. `stdio` is for MCP, which this version does not speak: `serve` refuses it.',
    }),
    apiKeys: read({
      variable: 'AGENTICORE_API_KEYS',
      yaml: 'server.api_keys',
      kind: apiKeys,
      fallback: () => [],
      shown: 'none: this machine alone is served',
      meaning: 'Whoever sends one of these is served, wherever from.',
    }),
    clientUrl: read({
      variable: 'AGENTICORE_URL',
      kind: baseUrl,
      ...none,
      meaning: 'The server that commands talk to, instead of AGENTICORE_HOST and AGENTICORE_PORT.',
    }),
    clientApiKey: read({
      variable: 'AGENTICORE_API_KEY',
      kind: apiKey,
      fallback: () => '',
      shown: 'the first of AGENTICORE_API_KEYS',
      meaning: 'The key that commands send to the server.',
    }),
    controlSocket: read({
      variable: 'AGENTICORE_CONTROL_SOCKET',
      yaml: 'server.control_socket',
      kind: directory,
      fallback: home => join(home, '.agenticore/control.sock'),
      shown: '`~/.agenticore/control.sock`',
      meaning: 'By this `agenticore drain` reaches the server of its machine.',
    }),
    maxParallelJobs: read({
      variable: 'AGENTICORE_MAX_PARALLEL_JOBS',
      yaml: 'repos.max_parallel_jobs',
      kind: count(1, 1000),
      fallback: () => 3,
      shown: '`3`',
      meaning: 'How many jobs a server runs at once; more wait in the queue.',
    }),
    redisUrl: read({
      variable: 'REDIS_URL',
      yaml: 'redis.url',
      kind: secret,
      ...none,
      meaning:
        'The Redis that servers of a [fleet](fleet.md) share: `redis://`, `rediss://` with TLS, `redis+sentinel://`. Read by `serve`, `drain` and `doctor` alone.',
    }),
    redisKeyPrefix: read({
      variable: 'REDIS_KEY_PREFIX',
      yaml: 'redis.key_prefix',
      kind: keyPrefix,
      fallback: () => 'agenticore',
      shown: '`agenticore`',
      meaning: 'Before every key there.',
    }),
    leaseSeconds: read({
      variable: 'AGENTICORE_LEASE_SECONDS',
      yaml: 'jobs.lease_seconds',
      kind: count(5, 3600),
      fallback: () => 45,
      shown: '`45`',
      meaning: 'A server of a fleet that has not been heard of for so long has lost its jobs to the others.',
    }),
    podIndex: read({
      variable: 'AGENTICORE_POD_INDEX',
      kind: count(0, 100_000),
      fallback: (): number | undefined => undefined,
      shown: 'none',
      meaning:
        'Which replica of a StatefulSet this is (the label `apps.kubernetes.io/pod-index`): busy ones are not scaled away.',
    }),
    queueLimit: read({
      variable: 'AGENTICORE_QUEUE_LIMIT',
      yaml: 'jobs.queue_limit',
      kind: count(1, 1_000_000_000),
      fallback: () => 100_000,
      shown: '`100000`',
      meaning: 'How many jobs may wait; what is submitted beyond that is refused.',
    }),
    minFreeDiskBytes: read({
      variable: 'AGENTICORE_MIN_FREE_DISK',
      yaml: 'jobs.min_free_disk',
      kind: bytes,
      fallback: () => 2 * 1024 ** 3,
      shown: '`2GiB`',
      meaning: 'With less than this free for working trees a server starts no job.',
    }),
    logLevel: read({
      variable: 'AGENTICORE_LOG_LEVEL',
      yaml: 'log.level',
      kind: oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal'),
      fallback: () => 'info' as const,
      shown: '`info`',
      meaning: 'What a server writes to its log, on standard error.',
    }),
    logFormat: read({
      variable: 'AGENTICORE_LOG_FORMAT',
      yaml: 'log.format',
      kind: oneOf('json', 'text'),
      fallback: () => 'auto' as const,
      shown: '`json` when standard error is no terminal',
      meaning: 'How it is written.',
    }),
    otelEnabled: read<boolean | 'auto'>({
      variable: 'AGENTICORE_OTEL_ENABLED',
      yaml: 'otel.enabled',
      kind: truth,
      fallback: () => 'auto' as const,
      shown: '`true` where the next one is set',
      meaning: 'Whether a server sends traces.',
    }),
    otelEndpoint: read({
      variable: 'OTEL_EXPORTER_OTLP_ENDPOINT',
      yaml: 'otel.endpoint',
      kind: httpUrl,
      ...none,
      meaning: 'The collector that gets them, by OTLP.',
    }),
    otelProtocol: read({
      variable: 'OTEL_EXPORTER_OTLP_PROTOCOL',
      yaml: 'otel.protocol',
      kind: oneOf('grpc', 'http/protobuf', 'http/json'),
      fallback: () => 'grpc' as const,
      shown: '`grpc`',
      meaning: 'How it is spoken to.',
    }),
    otelLogPrompts: read({
      variable: 'AGENTICORE_OTEL_LOG_PROMPTS',
      yaml: 'otel.log_prompts',
      kind: truth,
      fallback: () => false,
      shown: '`false`',
      meaning: 'Whether Claude Code puts prompts into its telemetry.',
    }),
    otelLogToolDetails: read({
      variable: 'AGENTICORE_OTEL_LOG_TOOL_DETAILS',
      yaml: 'otel.log_tool_details',
      kind: truth,
      fallback: () => true,
      shown: '`true`',
      meaning: 'Whether it names files and commands there.',
    }),
  }
}

/** What there is to know of each setting, in the order of the documentation. */
export function allSettings(): readonly Setting<unknown>[] {
  const found: Setting<unknown>[] = []
  readSettings(setting => {
    found.push(setting)
    return setting.fallback('~')
  })
  return found
}

export type Settings = Readonly<ReturnType<typeof readSettings>>
