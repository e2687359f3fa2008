import { AgenticoreError, type ErrorCode } from '../jobs/errors.ts'
import type { Clock } from '../util/clock.ts'

export interface WatchdogLimits {
  /** From the start to the first event. */
  readonly startMs: number
  /** Between two events: longer than the longest tool call, which sends none, and than a stalled stream's 300 s. */
  readonly silenceMs: number
  /** From a result to the end of the process. */
  readonly afterResultMs: number
}

export const defaultLimits: WatchdogLimits = { startMs: 120_000, silenceMs: 1_200_000, afterResultMs: 60_000 }

/**
 * Notices that a run gets nowhere:
 *
 *     starting ──event──▶ working ──result──▶ ending ──▶ exit
 *                          ▲   │ event           │ event: another turn after the result
 *                          └───┴─────────────────┘
 *
 * Each state has its own limit, the whole run has `timeoutSeconds`; the first to pass aborts `signal` with an error that
 * says which one it was.
 */
export class Watchdogs {
  readonly #clock: Clock
  readonly #limits: WatchdogLimits
  readonly #fired = new AbortController()
  readonly #wall: { stop(): void }
  #current: { stop(): void }
  #hasResult = false
  #stopped = false

  constructor(clock: Clock, limits: WatchdogLimits, timeoutSeconds: number) {
    this.#clock = clock
    this.#limits = limits
    this.#wall = this.#after(timeoutSeconds * 1000, 'timeout', `The agent was stopped after ${timeoutSeconds} s.`)
    this.#current = this.#after(
      limits.startMs,
      'agent_not_starting',
      `Claude Code said nothing for ${limits.startMs / 1000} s.`,
    )
  }

  get signal(): AbortSignal {
    return this.#fired.signal
  }

  /** Something came from the agent; `isTurn` when it shows that the agent is at work, after a result too. */
  heard({ isTurn }: { isTurn: boolean }): void {
    if (this.#hasResult && !isTurn) return
    const { silenceMs } = this.#limits
    this.#hasResult = false
    this.#watch(silenceMs, 'agent_silent', `Claude Code went silent for ${silenceMs / 1000} s.`)
  }

  /** Its result came. */
  heardResult(): void {
    const { afterResultMs } = this.#limits
    this.#hasResult = true
    this.#watch(afterResultMs, 'agent_hung', `Claude Code did not end within ${afterResultMs / 1000} s of its result.`)
  }

  /** For good. */
  stop(): void {
    this.#stopped = true
    this.#wall.stop()
    this.#current.stop()
  }

  #watch(ms: number, code: ErrorCode, message: string): void {
    this.#current.stop()
    if (this.#stopped) return
    this.#current = this.#after(ms, code, message)
  }

  #after(ms: number, code: ErrorCode, message: string): { stop(): void } {
    const deadline = this.#clock.deadline(ms, new AgenticoreError(code, message))
    const fire = (): void => this.#fired.abort(deadline.signal.reason)
    deadline.signal.addEventListener('abort', fire, { once: true })
    return deadline
  }
}
