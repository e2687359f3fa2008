import { existsSync, readFileSync } from 'node:fs'
import type { Seen } from '../daemon/clients.ts'
import { fromEpochMs, type Span } from './spans.ts'

/** Where agents of one pod have said when they were alive. */
export interface MarksOf {
  readonly name: string
  /** A file of lines `ID/FENCE WORD SECONDS`. */
  readonly marks: string
  /** When nobody could keep them from going on. */
  readonly absences: readonly Span[]
}

/** What the agents of one attempt have said. */
interface Life {
  readonly fence: number
  readonly pod: MarksOf
  readonly beginsAt: number
  /** All of them, ascending, in seconds since the machine was started. */
  readonly aliveAt: number[]
  hasEnded: boolean
}

/** No process outlives its job for longer. */
const goneAfterSeconds = 5

/**
 * What leases promise about agents: that of an attempt is gone before that of a later one begins, and the last one before
 * its job has been over for 5 s. It may be there for longer while its server could do nothing about it: it stood still, or was
 * gone, and all that it counts on then is that nothing of it is accepted. That one is looked at, too: who succeeded did so by
 * the last attempt, whose agent had come to its end.
 */
export function marksFaults(pods: readonly MarksOf[], jobs: Iterable<Seen>): { faults: string[]; starts: number } {
  const lives = livesOf(pods)
  const faults = [...jobs].flatMap(job => {
    const own = (lives.get(job.id) ?? []).sort((a, b) => a.fence - b.fence)
    return [...own.flatMap((life, n) => overlaps(job, life, own.slice(n + 1))), ...afterwards(job, own)]
  })
  return { faults, starts: [...lives.values()].flat().length }
}

function livesOf(pods: readonly MarksOf[]): Map<string, Life[]> {
  const found = new Map<string, Map<string, Life>>()
  for (const pod of pods) {
    for (const [attempt, word, at] of linesOf(pod.marks)) {
      const [id = '', fence] = attempt.split('/')
      const own = found.get(id) ?? new Map<string, Life>()
      const life = own.get(attempt) ?? { fence: Number(fence), pod, beginsAt: at, aliveAt: [], hasEnded: false }
      life.aliveAt.push(at)
      life.hasEnded ||= word === 'end'
      found.set(id, own.set(attempt, life))
    }
  }
  return new Map([...found].map(([id, own]) => [id, [...own.values()]]))
}

function linesOf(path: string): [attempt: string, word: string, at: number][] {
  if (!existsSync(path)) return []
  const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean)
  return lines.map(line => line.split(' ')).map(([attempt = '', word = '', at]) => [attempt, word, Number(at)])
}

function overlaps({ id }: Seen, life: Life, later: readonly Life[]): string[] {
  const next = Math.min(...later.map(({ beginsAt }) => beginsAt))
  const tooLate = unexcused(life, next)
  if (tooLate.length === 0) return []
  const [place, seconds] = [`attempt ${life.fence} on ${life.pod.name}`, (Math.max(...tooLate) - next).toFixed(2)]
  return [`${id}: the agent of ${place} was there for ${seconds} s beside a later one, from ${next} on`]
}

function afterwards({ id, status, fence, ended_at: endedAt }: Seen, lives: readonly Life[]): string[] {
  const over = fromEpochMs(Date.parse(endedAt ?? '')) + goneAfterSeconds
  const last = lives.at(-1)
  return [
    ...lives
      .filter(life => unexcused(life, over).length > 0)
      .map(life => `${id}: an agent of attempt ${life.fence} on ${life.pod.name} was there 5 s after the end`),
    ...(last && last.fence > fence ? [`${id} ended by attempt ${fence}, and attempt ${last.fence} ran`] : []),
    ...(status === 'succeeded' && !(last?.fence === fence && last.hasEnded)
      ? [`${id} succeeded by attempt ${fence}, whose agent had not ended`]
      : []),
  ]
}

const unexcused = ({ aliveAt, pod }: Life, after: number): number[] =>
  aliveAt.filter(at => at > after && !pod.absences.some(({ from, to }) => at >= from && at <= to))
