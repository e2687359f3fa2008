import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { tryKernelLock } from '../util/kernel-lock.ts'
import { isAccount } from './accounts.ts'
import type { OtherUser } from './as-user.ts'
import { GivenPlaces } from './given-places.ts'
import { giveTree, takeTree, whileOurs } from './ownership.ts'
import { removeLeavings } from './user-leavings.ts'
import { endUser, hasProcesses } from './user-processes.ts'

const mostSlots = 1000

export interface UserSlotsParts {
  /** Holds a lock for each slot that is taken. */
  readonly directory: string
  /** Slot 0 is this user, slot 1 the next, and so on. */
  readonly uidBase: number
  readonly setpriv: string
}

/** A user that is one agent's for a while. */
export interface UserSlot extends OtherUser {
  endAll(): Promise<void>
  /** What a dead owner of the slot has left with this user: the next agent is not to find it. */
  takeBackAll(): Promise<void>
  give(path: string): Promise<void>
  takeBack(path: string): Promise<void>
  lend<T>(places: readonly string[], work: () => Promise<T>): Promise<T>
  release(): Promise<void>
}

/** Users of their own for agents: each is one agent's at a time, on this whole machine. */
export class UserSlots {
  readonly #parts: UserSlotsParts

  constructor(parts: UserSlotsParts) {
    this.#parts = parts
  }

  async acquire(): Promise<UserSlot> {
    const { uidBase } = this.#parts
    const last = await this.#lastTaken()
    for (let next = 1; next <= mostSlots; next++) {
      // In turns: what one agent may have left somewhere is not the next one's for a long time.
      const index = (last + next) % mostSlots
      const slot = await this.#take(uidBase + index)
      if (!slot) continue
      if (await this.#makeReady(slot)) {
        await writeFile(this.#lastFile(), `${index}\n`, { mode: 0o600 })
        return slot
      }
      await slot.release()
    }
    throw new Error(`All ${mostSlots} users for agents from ${uidBase} on are in use`)
  }

  /** @returns false for a person, and for one left by somebody whose jobs have not been taken back yet */
  async #makeReady(slot: UserSlot): Promise<boolean> {
    if ((await hasProcesses(slot.uid)) || (await isAccount(slot.uid))) return false
    await slot.takeBackAll()
    await removeLeavings(slot)
    return true
  }

  #lastFile(): string {
    return join(this.#parts.directory, 'last')
  }

  async #lastTaken(): Promise<number> {
    const text = await readFile(this.#lastFile(), 'utf8').catch(() => '')
    return /^\d{1,3}\s*$/.test(text) ? Number(text) : -1
  }

  /** Ends what an agent left running whose runner died. A slot that is taken again has nothing of it any more. */
  async endLeftovers(uid: number): Promise<void> {
    const slot = await this.#take(uid)
    if (!slot) return
    try {
      await slot.endAll()
      await slot.takeBackAll()
    } finally {
      await slot.release()
    }
  }

  async #take(uid: number): Promise<UserSlot | undefined> {
    const { directory, setpriv } = this.#parts
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const lock = await tryKernelLock(join(directory, String(uid)))
    if (!lock) return undefined
    const user: OtherUser = { uid, setpriv }
    const given = new GivenPlaces(join(directory, `${uid}.given`))
    const takeBackAll = async (): Promise<void> => {
      for (const path of await given.load()) {
        await takeTree(path)
        await given.remove(path)
      }
    }
    return {
      ...user,
      endAll: () => endUser(user),
      takeBackAll,
      async give(path) {
        await given.add(path)
        await giveTree(path, uid)
      },
      async takeBack(path) {
        await takeTree(path)
        await given.remove(path)
      },
      lend: (places, work) => whileOurs(places, uid, work),
      async release() {
        try {
          if (await hasProcesses(uid)) return
          // What its job goes on with may be another user's by the time this one serves again.
          await takeBackAll()
          await removeLeavings(user)
        } finally {
          lock.release()
        }
      },
    }
  }
}
