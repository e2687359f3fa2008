import t from 'tap'
import { ManualClock } from '../../../test/helpers/clock.ts'
import { withPauses } from './streams.ts'

/** A source that gives what it is told to, and knows when its reader has left. */
function source() {
  let next = Promise.withResolvers<IteratorResult<string, undefined>>()
  let isOpen = true
  const iterator: AsyncIterableIterator<string, undefined> = {
    [Symbol.asyncIterator]: () => iterator,
    next: () => next.promise,
    return: async () => {
      isOpen = false
      return { done: true, value: undefined }
    },
  }
  const settle = (how: (given: typeof next) => void): void => {
    how(next)
    next = Promise.withResolvers()
  }
  return { items: iterator, settle, isOpen: () => isOpen }
}

t.test('a pause is told each time nothing came for so long, and nothing is lost or told twice', async t => {
  const clock = new ManualClock()
  const { items, settle, isOpen } = source()
  const told = withPauses(items, 1000, clock)
  for (let count = 0; count < 3; count++) {
    const pause = told.next()
    await clock.slept()
    clock.advance(1000)
    t.strictSame(await pause, { done: false, value: undefined }, 'a pause')
  }
  for (const value of ['one', 'two']) {
    const item = told.next()
    settle(({ resolve }) => resolve({ done: false, value }))
    t.strictSame(await item, { done: false, value })
  }
  t.ok(isOpen())
  const end = told.next()
  settle(({ resolve }) => resolve({ done: true, value: undefined }))
  t.strictSame(await end, { done: true, value: undefined })
})

t.test('a source that fails fails its reader; a reader who leaves closes the source', async t => {
  const failing = source()
  const told = withPauses(failing.items, 1000, new ManualClock())
  const item = told.next()
  failing.settle(({ reject }) => reject(new Error('gone')))
  await t.rejects(item, /gone/)

  const left = source()
  const reader = withPauses(left.items, 1000, new ManualClock())
  const first = reader.next()
  left.settle(({ resolve }) => resolve({ done: false, value: 'one' }))
  await first
  await reader.return(undefined)
  t.notOk(left.isOpen())
})
