import t from 'tap'
import { crashesOf } from './crashes.ts'
import { poisonFaults } from './poison.ts'
import { now, type Span } from './spans.ts'

const job = { id: 'j', status: 'failed', error_code: 'poison', repo_url: '', pod_name: 'a', fence: 3 }
const begunMs = Date.now() - 60_000
const at = (seconds: number): string => new Date(begunMs + seconds * 1000).toISOString()

/** Three attempts on pod a, of ten seconds each. */
const events = [1, 2, 3].flatMap(n => [
  { id: `${n}-1`, at: at(n * 10), type: 'claimed', pod_name: 'a' },
  n < 3
    ? { id: `${n}-2`, at: at(n * 10 + 9), type: 'released', reason: 'the process that ran it died' }
    : { id: '3-2', at: at(39), type: 'outcome', status: 'failed', error_code: 'poison' },
])

const struckAt = (...seconds: number[]): Span[] => {
  const start = now() - (Date.now() - begunMs) / 1000
  return seconds.map(each => ({ what: 'killed', from: start + each, to: start + each + 1 }))
}

const found = (a: Span[], b: Span[] = []): string[] =>
  poisonFaults(
    [
      { name: 'a', troubles: a },
      { name: 'b', troubles: b },
    ],
    [job],
    each => crashesOf(each, events),
  )

t.test('three deaths of its pod make a job poison, and nothing less', async t => {
  t.strictSame(found(struckAt(12, 23, 34)), [])
  t.match(found(struckAt(12, 23)), ['j is poison after 2 of: 1 on a, 2 on a, 3 on a'])
  t.match(found(struckAt(12, 13, 34)), [/after 2 of/], 'two in one attempt are one')
  t.match(found(struckAt(12, 23), struckAt(34)), [/after 2 of/], 'it did not run there')
})
