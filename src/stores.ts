import type { Settings } from './config/settings.ts'
import type { Changes } from './jobs/changes.ts'
import { AgenticoreError } from './jobs/errors.ts'
import type { Job } from './jobs/job.ts'
import type { Measures } from './jobs/measures.ts'
import type { EventLog, Fleet, JobStore, Journal, Lock } from './jobs/ports.ts'
import { FileJobStore } from './store/file/store.ts'
import type { Clock } from './util/clock.ts'

/** Where jobs are claimed, and what goes with that. */
export interface Stored {
  readonly store: JobStore
  readonly events: EventLog
  /** In words, for `status`. */
  readonly kind: string
  /** How leases are renewed, and how often is looked for those that nobody renews. */
  readonly leases: {
    readonly everyMs: number
    readonly giveUpMs?: number
    readonly reapEveryMs: number
    /** What an agent has from SIGTERM to SIGKILL at most: others may begin the job soon. */
    readonly stopMs?: number
  }
  /** What time it is for jobs: the same for all who share them. */
  readonly clock: Clock
  /** Which start of this server it is, for the others. */
  readonly bootId: string
  /** Undefined for files: this server is all there is. */
  readonly fleet: Fleet | undefined
  /** Between the machines of the fleet; undefined for files. */
  readonly lock: Lock | undefined
  /** Resolves when jobs can be claimed. */
  ready(signal: AbortSignal): Promise<void>
  /** What is wrong with the place where jobs are claimed, in words; as far as it can be asked. */
  dangers(): Promise<string[]>
  /** False while what is read is the journal alone. */
  isUp(): boolean
  /** What becomes of the tree of an attempt that is given back: in a fleet the next one may be anywhere. */
  readonly leavings: 'kept' | 'removed'
  /** Told when there may be a job to claim, or when this server is told to drain. @returns ends it */
  onWake(listener: (why: 'work' | 'drain') => void): () => void
  /** Told of jobs that somebody asked to cancel. */
  onCancel(listener: (id: Job['id']) => void): () => void
  /** True when a process that is gone may have left something on this machine; cheap. */
  hasLeavings(): Promise<boolean>
}

export interface StoredParts {
  readonly settings: Settings
  readonly journal: Journal
  /** What is in the journal. */
  readonly files: EventLog
  readonly clock: Clock
  readonly changes: Changes
  readonly measures: Measures
  warn(message: string): void
  ended(job: Job): Promise<void>
}

/** Nothing is needed but a directory: a lease is a lock of the kernel's, which needs no renewal, only a look. */
const fileLookMs = 500
const fileReapMs = 10_000

/** Jobs of this machine alone. */
export async function openFiles({ settings, files, changes, ...parts }: StoredParts): Promise<Stored> {
  const store = await FileJobStore.open(settings.jobsDir, { ...parts, changes })
  return {
    store,
    events: files,
    kind: `files in ${settings.jobsDir}`,
    leases: { everyMs: fileLookMs, reapEveryMs: fileReapMs },
    clock: parts.clock,
    bootId: crypto.randomUUID(),
    fleet: undefined,
    lock: undefined,
    leavings: 'kept',
    ready: async () => undefined,
    dangers: async () => [],
    isUp: () => true,
    onWake: listener => changes.listen((_, change) => change === 'record' && listener('work')),
    onCancel: () => () => undefined,
    hasLeavings: () => store.hasHolders(),
  }
}

const pollMs = 2000
/** Of a lease: renewed so often in its time, given up after so much of it without, and what agents then have to stop. */
const [renewals, givenUpAfter, stopping] = [4.5, 2 / 3, 2 / 9]
const endingMs = 30_000

/** Jobs that servers share by Redis, which need not answer yet. @throws AgenticoreError `invalid_setting` */
export async function openFleet({ settings, files, clock, changes, measures, ...parts }: StoredParts): Promise<Stored> {
  const [{ RedisJobStore }, { RedisFleet }, { RedisEventLog }, { redisPlace, redisOptions }, { TokenLock }] =
    await Promise.all([
      import('./store/redis/store.ts'),
      import('./store/redis/fleet.ts'),
      import('./store/redis/event-log.ts'),
      import('./store/redis/address.ts'),
      import('./locks/token-lock.ts'),
    ])
  const { redisUrl: url, redisKeyPrefix: prefix, podName, podIndex, leaseSeconds, sharedFsRoot } = settings
  try {
    redisOptions(url)
  } catch (error) {
    if (error instanceof TypeError) throw new AgenticoreError('invalid_setting', `${error.message}.`)
    throw error
  }
  const boot = { id: crypto.randomUUID(), podName, ordinal: podIndex ?? ('' as const) }
  const [wakes, cancels] = [new Listeners<'work' | 'drain'>(), new Listeners<Job['id']>()]
  const leaseMs = leaseSeconds * 1000
  const store = RedisJobStore.connect({
    ...parts,
    url,
    prefix,
    boot,
    leaseMs,
    endingMs,
    waits: clock,
    isJournalShared: sharedFsRoot !== '',
    random: Math.random,
    changed: (id, change) => changes.tell(id, change),
    cancelled: id => cancels.tell(id),
    woken: why => wakes.tell(why),
  })
  const { connections } = store
  const isUp = (): boolean => connections.isUp
  const follow = (): Promise<() => void> => connections.follow()
  return {
    store,
    events: new RedisEventLog({ files, scripts: connections.ask, isUp, clock, changes, follow, pollMs }),
    kind: `Redis at ${redisPlace(url)}, journal in ${settings.jobsDir}`,
    leases: {
      everyMs: leaseMs / renewals,
      giveUpMs: leaseMs * givenUpAfter,
      reapEveryMs: leaseMs / renewals,
      stopMs: Math.round(leaseMs * stopping),
    },
    clock: store.clock,
    bootId: boot.id,
    fleet: new RedisFleet(connections, boot),
    lock: new TokenLock({ tokens: connections.tokens, clock, measures }),
    leavings: 'removed',
    ready: signal => store.ready(signal),
    dangers: async () => (await store.examine()).dangers.map(({ message, remedy }) => `Redis: ${message}. ${remedy}`),
    isUp,
    onWake: listener => wakes.listen(listener),
    onCancel: listener => cancels.listen(listener),
    hasLeavings: async () => false,
  }
}

class Listeners<T> {
  readonly #listeners = new Set<(what: T) => void>()

  tell(what: T): void {
    for (const listener of this.#listeners) listener(what)
  }

  listen(listener: (what: T) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }
}
