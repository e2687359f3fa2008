import { failureOf } from '../jobs/failure.ts'
import type { RunFacts } from '../jobs/job.ts'
import type { Lease } from '../jobs/ports.ts'
import { hostName, parseRepository } from '../jobs/repository.ts'
import type { SpanAttributes, SpanName, Tracing } from '../jobs/tracing.ts'
import { LeaseEnded } from './lease-keeper.ts'

export interface StepOptions<T> {
  /** What is known of the attempt when the step ends. */
  facts?(): RunFacts
  /** The code of a failure that is returned, not thrown. */
  failed?(result: T): string | undefined
}

/**
 * The steps of one attempt as spans under the one its job was submitted in; under its claim, where nobody traced the
 * submission. Nothing of the task or of what anybody printed is in them.
 */
export class AttemptTrace {
  readonly #tracing: Tracing
  readonly #lease: Lease
  readonly #signal: AbortSignal
  readonly #attributes: SpanAttributes
  #parent: string | undefined

  constructor(tracing: Tracing, lease: Lease, signal: AbortSignal) {
    this.#tracing = tracing
    this.#lease = lease
    this.#signal = signal
    this.#attributes = attributesOf(lease)
    this.#parent = lease.job.traceparent
  }

  /** From the claim, as the store noted it, until it is told. */
  async claim(tell: () => Promise<void>): Promise<void> {
    const { startedAt } = this.#lease.job
    const options = startedAt === undefined ? {} : { startedAt: new Date(startedAt) }
    await this.#tracing.span('job.claim', { ...this.#options(), ...options }, async traceparent => {
      this.#parent ??= traceparent
      await tell()
    })
  }

  async step<T>(
    name: SpanName,
    work: (traceparent: string | undefined) => Promise<T>,
    { facts, failed }: StepOptions<T> = {},
  ): Promise<T> {
    let end: SpanAttributes = {}
    const found = (): SpanAttributes => ({ ...modelFacts(this.#lease, facts?.()), ...end })
    return await this.#tracing.span(name, { ...this.#options(), found }, async traceparent => {
      try {
        const result = await work(traceparent)
        end = this.#end(failed?.(result))
        return result
      } catch (error) {
        end = this.#end(failureOf(error).errorCode)
        throw error
      }
    })
  }

  #options() {
    return { attributes: this.#attributes, ...(this.#parent === undefined ? {} : { parent: this.#parent }) }
  }

  #end(code: string | undefined): SpanAttributes {
    if (code === undefined) return { 'agenticore.status': 'succeeded' }
    if (!this.#signal.aborted) return { 'agenticore.status': 'failed', 'error.type': code }
    const why: unknown = this.#signal.reason
    const status = why instanceof LeaseEnded ? why.why : 'interrupted'
    return { 'agenticore.status': status, 'error.type': status }
  }
}

function attributesOf({ job, fence }: Lease): SpanAttributes {
  const host = hostOf(job.repoUrl)
  return {
    'agenticore.job.id': job.id,
    'agenticore.job.attempt': job.attempt,
    'agenticore.job.fence': fence,
    'agenticore.profile': job.profile,
    ...(host === '' ? {} : { 'agenticore.repo.host': host }),
  }
}

function hostOf(repoUrl: string): string {
  try {
    return repoUrl === '' ? '' : hostName(parseRepository(repoUrl))
  } catch {
    // The attempt itself is to fail for that, and to say so.
    return ''
  }
}

function modelFacts({ job }: Lease, facts: RunFacts | undefined): SpanAttributes {
  if (!facts) return {}
  const { numTurns, totalCostUsd, modelUsed = job.model } = facts
  return {
    ...(modelUsed === undefined ? {} : { 'agenticore.model': modelUsed }),
    ...(numTurns === undefined ? {} : { 'agenticore.turns': numTurns }),
    ...(totalCostUsd === undefined ? {} : { 'agenticore.cost_usd': totalCostUsd }),
  }
}
