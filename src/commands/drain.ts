import * as Flags from '@oclif/core/flags'
import { askToDrain } from '../client/control.ts'
import { loadSurroundings } from '../config/load.ts'
import type { Settings } from '../config/settings.ts'
import { drainSeconds } from '../config/stopping.ts'
import { systemClock } from '../util/clock.ts'
import { messageOf } from '../util/error-code.ts'
import { AgenticoreCommand } from './command.ts'
import { duration, plural } from './output/text.ts'

/** To leave before the time is over, even if the server says nothing more. */
const leaveMs = 1000
/** A server that has said nothing for so long, or for a third of the time, is told by Redis; it may still answer. */
const silentMs = 5000

export default class Drain extends AgenticoreCommand {
  static override summary = "Have this machine's server start no more jobs, and wait for those that run."

  static override description =
    `What has not ended 25 s before the timeout is handed over: it stops, and goes back to the head of the queue. It exits
with 0 whatever happens, so that a PreStop hook does not hold a termination up. A server of a fleet that does not answer is
told by Redis to start no more jobs.`

  static override examples = [
    '<%= config.bin %> drain',
    '<%= config.bin %> drain --timeout 270',
    '<%= config.bin %> drain --now',
  ]

  static override flags = {
    timeout: Flags.integer({
      min: 1,
      default: drainSeconds,
      helpValue: 'S',
      description: 'seconds until it has to be over',
    }),
    now: Flags.boolean({ description: 'hand over at once' }),
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(Drain)
    try {
      const { settings } = await loadSurroundings()
      await this.#drain(settings, flags)
    } catch (error) {
      this.#notDrained(error)
    }
  }

  async #drain(settings: Settings, { timeout, now }: { timeout: number; now: boolean }): Promise<void> {
    const timeoutMs = timeout * 1000
    // Who waits for us has waited since we were started.
    const leftMs = Math.max(timeoutMs / 2, timeoutMs - leaveMs) - process.uptime() * 1000
    const late = systemClock.deadline(Math.max(0, leftMs), new Error('no word from the server'))
    const silent = systemClock.deadline(Math.min(silentMs, timeoutMs / 3), new Error('silent'))
    const flag = once(() => this.#flag(settings, late.signal))
    silent.signal.addEventListener('abort', flag, { once: true })
    try {
      const wanted = { timeout_ms: timeoutMs, now }
      for await (const progress of askToDrain(settings.controlSocket, wanted, late.signal)) {
        silent.stop()
        this.say(line(progress))
      }
    } catch (error) {
      this.#notDrained(late.signal.aborted ? late.signal.reason : error)
      await flag()
    } finally {
      silent.stop()
      late.stop()
    }
  }

  /** What does not answer may still claim. */
  async #flag(settings: Settings, signal: AbortSignal): Promise<void> {
    if (settings.redisUrl === '') return
    try {
      await this.#tellRedis(settings, signal)
    } catch (error) {
      this.say(`Redis is not told: ${messageOf(error)}`)
    }
  }

  async #tellRedis(settings: Settings, signal: AbortSignal): Promise<void> {
    const { flagToDrain } = await import('../redis-visit.ts')
    const isKnown = await flagToDrain(settings, signal)
    this.say(
      isKnown
        ? `${settings.podName} is told by Redis to start no more jobs.`
        : `${settings.podName} is not known there.`,
    )
  }

  #notDrained(error: unknown): void {
    this.say(`Not drained: ${messageOf(error).replace(/\.$/, '')}. The termination is not held up by that.`)
  }

  /** A wrong setting, too, or a wrong flag, is no reason to hold a termination up. */
  protected override async catch(error: Error): Promise<void> {
    this.tell(error)
    process.exitCode = 0
  }
}

/** Whoever asks again gets the same answer. */
function once<T>(work: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined
  return () => {
    answer ??= work()
    return answer
  }
}

function line(progress: object): string {
  const { state, running, left_ms: left } = { state: '', running: 0, left_ms: 0, ...progress }
  const jobs = plural(Number(running), 'job')
  if (state === 'waiting') return `${jobs} running; handing over in ${duration(Number(left))}`
  if (state === 'handing_over') return `handing over ${jobs}`
  return state === 'drained' ? 'drained' : `out of time with ${jobs} running; they are left to the next server`
}
