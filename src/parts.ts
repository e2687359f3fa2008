import { lstatSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { AgentTelemetry } from './agent/telemetry.ts'
import { toWire } from './api/wire.ts'
import { loadSurroundings, type Surroundings } from './config/load.ts'
import type { Settings } from './config/settings.ts'
import { Changes } from './jobs/changes.ts'
import type { Job } from './jobs/job.ts'
import { type Measures, noMeasures } from './jobs/measures.ts'
import type { EventLog, JobStore } from './jobs/ports.ts'
import { checkRepository, type RepositoryRules } from './jobs/repository.ts'
import { JobService } from './jobs/service.ts'
import { noTracing, type Tracing } from './jobs/tracing.ts'
import { baseIn, profilesIn, whyUnusable } from './profiles/agentihooks/layer.ts'
import { agentihooksPlaces } from './profiles/agentihooks/places.ts'
import type { ProfileLibrary } from './profiles/library.ts'
import { FileEventLog } from './store/journal/events.ts'
import { FileJournal } from './store/journal/journal.ts'
import { redisSecrets } from './store/redis/address.ts'
import { openFiles, openFleet, type Stored } from './stores.ts'
import { systemClock } from './util/clock.ts'
import { messageOf } from './util/error-code.ts'
import { joined } from './util/joined.ts'
import { Secrets } from './util/redact.ts'
import type { Webhook } from './webhook/webhook.ts'

/** The parts that every command on local files shares. */
export interface LocalParts {
  readonly surroundings: Surroundings
  /** Grows while more becomes known. */
  readonly secrets: Secrets
  readonly journal: FileJournal
  readonly store: JobStore
  readonly stored: Stored
  readonly events: EventLog
  readonly service: JobService
  readonly repositoryRules: RepositoryRules
  /** Loaded when first needed: listing jobs passes without it. */
  profiles(): Promise<ProfileLibrary>
  warn(message: string): void
  /** What this process does to jobs. */
  readonly changes: Changes
  /** Who is told how jobs end, loaded when one does; undefined when nobody is. */
  readonly webhook: (() => Promise<Webhook>) | undefined
  readonly measures: Measures
  readonly tracing: Tracing
  readonly agentTelemetry: AgentTelemetry | undefined
}

export interface PartsOptions extends Partial<Pick<LocalParts, 'measures' | 'tracing' | 'agentTelemetry'>> {
  /** Where what is wrong and keeps nothing from going on is said; standard error, if nowhere else. */
  warn?(message: string): void
  /** Whether a path of this machine may be given as a repository. */
  readonly allowPaths?: boolean
  /** How soon the events of other processes are seen, in ms. */
  readonly pollMs?: number
  readonly queueLimit?: number
  readonly secrets?: Secrets
  /** Whether jobs are those of the fleet, where the settings name one. */
  readonly fleet?: boolean
}

const toStandardError = (message: string): void => void process.stderr.write(`Warning: ${message}\n`)

/** Where the jobs of this machine have what is only theirs, beside tree and journal. */
export const jobPlaces = ({ worktreeRoot, sharedFsRoot }: Settings) => ({
  scratchRoot: join(worktreeRoot, '.agent'),
  jobFilesRoot: sharedFsRoot === '' ? jobFilesRoot() : join(sharedFsRoot, 'jobs'),
  areJobFilesShared: sharedFsRoot !== '',
})

/** `/tmp/agenticore-jobs`; where another user of the machine has made it, one of our own beside it. */
function jobFilesRoot(): string {
  const place = join(tmpdir(), 'agenticore-jobs')
  const uid = process.getuid?.()
  const stats = lstatSync(place, { throwIfNoEntry: false })
  const isOurs = stats === undefined || (stats.isDirectory() && (uid === undefined || stats.uid === uid))
  return isOurs ? place : `${place}-${uid}`
}

/** @throws SettingError */
export async function openParts(given?: Surroundings, options: PartsOptions = {}): Promise<LocalParts> {
  const surroundings = given ?? (await loadSurroundings())
  const { warn = toStandardError, allowPaths = true, pollMs, queueLimit } = options
  const { measures = noMeasures, tracing = noTracing, agentTelemetry } = options
  const { secrets = new Secrets(secretsOf(surroundings)) } = options
  const { settings } = surroundings
  const clock = systemClock
  const changes = new Changes()
  const journal = await FileJournal.open(settings.jobsDir)
  const webhook = webhookFor(surroundings, secrets, warn)
  const ended = async (job: Job): Promise<void> => {
    measures.ended(job)
    if (webhook) await (await webhook()).announce(job)
  }
  const polling = pollMs === undefined ? {} : { pollMs }
  const files = new FileEventLog(settings.jobsDir, { clock, redact: secrets.redact, changes, ...polling })
  const place = { settings, journal, files, clock, changes, measures, warn, ended }
  const isFleet = options.fleet === true && settings.redisUrl !== ''
  const stored = isFleet ? await openFleet(place) : await openFiles(place)
  const { store, events } = stored
  const repositoryRules = { allowedHosts: settings.allowedHosts, allowPaths }
  let library: Promise<ProfileLibrary> | undefined
  const profiles = (): Promise<ProfileLibrary> => {
    library ??= openProfiles(surroundings)
    return library
  }
  const service = new JobService({
    store,
    events,
    clock: stored.clock,
    checkRepository: (url, ref) => checkRepository(url, ref, repositoryRules),
    checkProfile: joined(async name => void (await (await profiles()).resolve(name))),
    defaults: { profile: settings.defaultProfile, ttlSeconds: settings.jobTtlSeconds },
    queueLimit: queueLimit ?? Number.POSITIVE_INFINITY,
    measures,
    tracing,
  })
  const local = { surroundings, secrets, journal, store, stored, events, service, profiles, repositoryRules }
  return { ...local, warn, changes, webhook, measures, tracing, agentTelemetry }
}

function webhookFor(
  { settings }: Surroundings,
  { redact }: Secrets,
  warn: (message: string) => void,
): LocalParts['webhook'] {
  const { webhookUrl: url, webhookSecret: secret, jobsDir } = settings
  if (url === '') return undefined
  let loaded: Promise<Webhook> | undefined
  const load = async (): Promise<Webhook> => {
    const { Webhook } = await import('./webhook/webhook.ts')
    const directory = join(jobsDir, '.webhooks')
    return new Webhook({ directory, url, secret, clock: systemClock, redact, random: Math.random, warn, toWire })
  }
  return () => {
    loaded ??= load()
    return loaded
  }
}

/** Later ones win: built in, agentihooks', the fleet's, the user's. All start from what agentihooks installed. */
export async function openProfiles(surroundings: Surroundings): Promise<ProfileLibrary> {
  const { settings, home } = surroundings
  const { layer } = agentihooksPlaces(surroundings)
  const whyNot = (): Promise<string | undefined> => whyUnusable(layer)
  const { ProfileLibrary } = await import('./profiles/library.ts')
  const root = dirname(findPackageJSON(import.meta.url) ?? '')
  const shared = settings.sharedFsRoot === '' ? [] : [join(settings.sharedFsRoot, 'profiles')]
  const layers = [
    { source: 'built in', directory: join(root, 'profiles') },
    { source: 'agentihooks', directory: profilesIn(layer), whyUnusable: whyNot },
    ...shared.map(directory => ({ source: 'shared', directory })),
    { source: 'yours', directory: join(home, '.agenticore/profiles') },
  ]
  return new ProfileLibrary(layers, { directory: baseIn(layer), whyUnusable: whyNot })
}

/** Why jobs that name no profile are refused, if they are. A server asks when agentihooks, too, has brought its own. */
export async function whyNoDefaultProfile({ profiles, surroundings }: LocalParts): Promise<string | undefined> {
  try {
    await (await profiles()).resolve(surroundings.settings.defaultProfile)
    return undefined
  } catch (error) {
    return `Jobs that name no profile are refused (AGENTICORE_DEFAULT_PROFILE): ${messageOf(error)}`
  }
}

/** Variables that are not ours, and whose value nobody is to read. */
export const secretName = /KEY|SECRET|TOKEN|PASSW|PWD|CREDENTIAL|AUTH/i

/** What must never be written down, as far as it is known from the start. */
export const secretsOf = ({ settings, cloud, network }: Surroundings): string[] => [
  settings.githubToken,
  settings.anthropicApiKey,
  settings.anthropicAuthToken,
  settings.claudeOauthToken,
  settings.webhookSecret,
  settings.clientApiKey,
  ...settings.apiKeys,
  settings.webhookSecret.replace(/^whsec_/, ''),
  ...redisSecrets(settings.redisUrl),
  ...Object.entries(cloud).flatMap(([name, value]) => (secretName.test(name) ? [value] : [])),
  ...Object.values(network).flatMap(passwordIn),
]

/** As it is written in an address, and as it is meant. */
function passwordIn(address: string): string[] {
  const [, password = ''] = /^[^/]*\/\/[^:@/]*:([^/]*)@/.exec(address) ?? []
  return [password, decoded(password)].filter(Boolean)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
