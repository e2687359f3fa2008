import { mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { JobId } from '../../jobs/job.ts'
import { hasCode } from '../../util/error-code.ts'
import { isLockGone, isNoLock, type KernelLock, tryKernelLock } from '../../util/kernel-lock.ts'
import { Markers } from './markers.ts'

/** A process that may hold jobs, alive for as long as the kernel keeps its lock. */
export interface Holder {
  readonly boot: string
  /** The jobs it holds. */
  readonly markers: Markers
  close(): Promise<void>
}

/**
 * Who holds which job: `holders/{boot}/{id}`, beside a `lock` that the process of that boot keeps. A lock that can be
 * taken means that its process is gone; whoever takes it is the only heir.
 */
export class Holders {
  readonly #root: string

  constructor(root: string) {
    this.#root = root
  }

  async open(): Promise<void> {
    await mkdir(this.#root, { recursive: true, mode: 0o700 })
  }

  /** A new holder, alive from the moment its directory is seen. */
  async add(): Promise<Holder> {
    for (;;) {
      const boot = crypto.randomUUID()
      const place = join(this.#root, `${boot}.new`)
      await mkdir(place, { mode: 0o700 })
      // An heir can come between the two, and clear away what looked abandoned.
      const lock = await unlessGone(tryKernelLock(join(place, 'lock')))
      if (!lock) continue
      if (await renamed(place, join(this.#root, boot))) return new LockedHolder(join(this.#root, boot), lock)
      lock.release()
    }
  }

  /** True when there may be something to inherit; cheap. */
  async any(): Promise<boolean> {
    return (await this.#boots()).length > 0
  }

  /**
   * Calls `inherit` with each holder that is gone, and forgets it when nothing is left there.
   * @param failed told of each that could not be seen to; it stays
   */
  async eachDead(
    inherit: (dead: Holder) => Promise<void>,
    failed: (boot: string, error: unknown) => void,
  ): Promise<void> {
    for (const boot of await this.#boots()) {
      try {
        await inheritFrom(join(this.#root, boot), inherit)
      } catch (error) {
        failed(boot, error)
      }
    }
  }

  /** Whether somebody has the job, dead or alive; `except` is not asked. */
  async hold(id: JobId, except?: Holder): Promise<boolean> {
    for (const boot of await this.#boots()) {
      if (boot !== except?.boot && (await new Markers(join(this.#root, boot)).has(id))) return true
    }
    return false
  }

  async #boots(): Promise<string[]> {
    return (await readdir(this.#root)).filter(name => /^[0-9a-f-]{36}(\.new)?$/.test(name))
  }
}

class LockedHolder implements Holder {
  readonly boot: string
  readonly markers: Markers
  readonly #place: string
  readonly #lock: KernelLock

  constructor(place: string, lock: KernelLock) {
    this.boot = basename(place)
    this.markers = new Markers(place)
    this.#place = place
    this.#lock = lock
  }

  /** What it still holds stays there, for an heir. */
  async close(): Promise<void> {
    try {
      if ((await this.markers.ids()).length === 0) await removePlace(this.#place)
    } finally {
      this.#lock.release()
    }
  }
}

async function inheritFrom(place: string, inherit: (dead: Holder) => Promise<void>): Promise<void> {
  const lock = await lockOfDead(place)
  if (!lock) return
  const dead = new LockedHolder(place, lock)
  try {
    await inherit(dead)
  } finally {
    await dead.close()
  }
}

async function removePlace(place: string): Promise<void> {
  await rm(join(place, 'lock'), { force: true })
  await removeEmpty(place)
}

/** The lock of a holder that is gone; undefined when it is alive, or somebody else inherits from it. */
async function lockOfDead(place: string): Promise<KernelLock | undefined> {
  const path = join(place, 'lock')
  try {
    return await tryKernelLock(path, { create: false })
  } catch (error) {
    // What is no lock of ours keeps nobody alive.
    if (isNoLock(error)) await rm(path, { force: true })
    else if (!isLockGone(error)) throw error
    // Without a lock it never lived, or is being cleared away; what it holds all the same is to be had.
    if (await removeEmpty(place)) return undefined
    return await unlessGone(tryKernelLock(path))
  }
}

/** False when there is something in it. */
async function removeEmpty(place: string): Promise<boolean> {
  try {
    await rmdir(place)
  } catch (error) {
    if (hasCode(error, 'ENOTEMPTY')) return false
    if (!hasCode(error, 'ENOENT')) throw error
  }
  return true
}

async function unlessGone(locking: Promise<KernelLock | undefined>): Promise<KernelLock | undefined> {
  try {
    return await locking
  } catch (error) {
    if (isLockGone(error)) return undefined
    throw error
  }
}

async function renamed(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to)
    return true
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false
    throw error
  }
}
