import type { Agent, AgentRequest, Journal, Lease } from '../jobs/ports.ts'
import type { Profile } from '../jobs/profile.ts'
import { removeTree } from '../util/remove-tree.ts'
import { type Beginning, briefing, isContinued, promptFor } from './briefing.ts'
import type { Place } from './place.ts'

export interface ConversationParts {
  readonly agent: Pick<Agent, 'canResume' | 'restoreSession' | 'keepSession'>
  readonly journal: Pick<Journal, 'sessionPath' | 'highestFence'>
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
    const { agent, journal } = this.#parts
    const { sessionId, continues } = this.#lease.job
    const { workspace, scratch, cwd } = this.#place
    const sameTree = workspace ? workspace.continued : sessionId !== undefined
    if (sameTree && sessionId !== undefined && (await agent.canResume(scratch, sessionId))) return 'resumed'
    await removeTree(scratch)
    if (continues === undefined || sessionId === undefined) return workspace?.continued ? 'in a used tree' : 'new'
    const kept = journal.sessionPath({ id: continues, fence: await journal.highestFence(continues) })
    await agent.restoreSession(kept, { scratch, cwd, sessionId })
    return workspace?.lacksEarlierWork ? 'follow-up without its work' : 'follow-up'
  }
}
