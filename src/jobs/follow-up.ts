import { AgenticoreError } from './errors.ts'
import { isFinal, type Job, type JobRequest } from './job.ts'
import { parseRepository } from './repository.ts'

/**
 * The request, completed by the job whose conversation it goes on with: its repository and its profile where none is
 * named.
 * @throws AgenticoreError `session_busy`, `invalid_request`
 */
export function continuing(request: JobRequest, earlier: Job): JobRequest {
  checkContinuable(earlier)
  const { repoUrl, baseRef, profile } = earlier
  if (request.repoUrl !== '' && !isSameRepository(request.repoUrl, repoUrl)) {
    const there = repoUrl === '' ? 'has no repository' : `is about ${repoUrl}`
    throw new AgenticoreError('invalid_request', `The conversation ${there}, not about ${request.repoUrl}.`)
  }
  if (request.baseRef !== '' && request.baseRef !== baseRef) {
    throw new AgenticoreError(
      'invalid_request',
      `A follow-up goes on where the branch of job ${earlier.id} ends, not at "${request.baseRef}": leave the base ref out.`,
    )
  }
  return {
    ...request,
    repoUrl,
    baseRef,
    profile: request.profile || profile,
    continues: earlier.id,
  }
}

/** @throws AgenticoreError `session_busy`, `session_not_found` */
export function checkContinuable(earlier: Job): void {
  if (!isFinal(earlier)) {
    throw new AgenticoreError('session_busy', `Job ${earlier.id} has this conversation, and it is ${earlier.status}.`)
  }
  if (earlier.sessionId === undefined) {
    throw new AgenticoreError('session_not_found', `Job ${earlier.id} ended before it had a conversation.`)
  }
}

function isSameRepository(one: string, other: string): boolean {
  return other !== '' && parseRepository(one).normalised === parseRepository(other).normalised
}
