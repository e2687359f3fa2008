import type { Agent, AgentRequest } from '../jobs/agent.ts'
import { AgenticoreError } from '../jobs/errors.ts'
import type { JobId } from '../jobs/job.ts'
import type { Journal, Lease } from '../jobs/ports.ts'
import type { Profile } from '../jobs/profile.ts'
import { removeTree } from '../util/remove-tree.ts'
import { type Beginning, briefing, isContinued, promptFor } from './briefing.ts'
import type { Place } from './place.ts'

export interface ConversationParts {
  readonly agent: Pick<Agent, 'canResume' | 'restoreSession' | 'keepSession'>
  readonly journal: Pick<Journal, 'sessionPath' | 'highestFence' | 'read'>
}

/** What the agent of one attempt is asked, and where its conversation comes from and goes. */
export class Conversation {
  readonly #parts: ConversationParts
  readonly #lease: Lease
  readonly #place: Place
  #kept = false

  constructor(parts: ConversationParts, lease: Lease, place: Place) {
    this.#parts = parts
    this.#lease = lease
    this.#place = place
  }

  async request(profile: Profile): Promise<AgentRequest> {
    const { job, fence } = this.#lease
    const { slot, scratch, configDir, cwd, workspace } = this.#place
    const beginning = await this.#begin()
    const resume = beginning === 'resumed' || isContinued(beginning)
    return {
      job,
      profile,
      configDir,
      cwd,
      prompt: promptFor(job, beginning),
      briefing: briefing(workspace, profile),
      sessionId: resume && job.sessionId !== undefined ? job.sessionId : crypto.randomUUID(),
      resume,
      ...(slot ? { slot } : {}),
      marker: `${job.id}/${fence}`,
      scratch,
    }
  }

  /** For whoever wants to go on with it later; once. The place has to be ours. */
  async keep(sessionId: string): Promise<void> {
    if (this.#kept) return
    const { agent, journal } = this.#parts
    const path = journal.sessionPath({ id: this.#lease.job.id, fence: this.#lease.fence })
    await agent.keepSession(path, { scratch: this.#place.scratch, sessionId })
    this.#kept = true
  }

  /** A conversation is about the tree it happened in: without that one it is no use, unless it is to be continued. */
  async #begin(): Promise<Beginning> {
    const { agent } = this.#parts
    const { sessionId, continues } = this.#lease.job
    const { workspace, scratch } = this.#place
    const sameTree = workspace ? workspace.continued : sessionId !== undefined
    if (sameTree && sessionId !== undefined && (await agent.canResume(scratch, sessionId))) return 'resumed'
    await removeTree(scratch)
    if (continues === undefined || sessionId === undefined) return workspace?.continued ? 'in a used tree' : 'new'
    await this.#restore(continues, sessionId)
    return !workspace || workspace.lacksEarlierWork ? 'follow-up without its work' : 'follow-up'
  }

  /** As it was at its latest: a job, or an attempt, that ended before it had anything to say has kept nothing of it. */
  async #restore(from: JobId, sessionId: string): Promise<void> {
    const { agent, journal } = this.#parts
    const { scratch, cwd } = this.#place
    for (let id: JobId | undefined = from; id !== undefined; id = (await journal.read(id))?.continues) {
      for (let fence = await journal.highestFence(id); fence > 0; fence--) {
        if (await agent.restoreSession(journal.sessionPath({ id, fence }), { scratch, cwd, sessionId })) return
      }
    }
    throw new AgenticoreError('session_not_found', `The conversation ${sessionId} is not kept any more.`)
  }
}
