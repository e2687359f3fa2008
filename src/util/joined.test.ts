import t from 'tap'
import { joined, joinedNext } from './joined.ts'

/** Work that ends when it is told to; `begun` says for which keys. */
function work() {
  const begun: string[] = []
  const ends: PromiseWithResolvers<string>[] = []
  const start = (key: string): Promise<string> => {
    const end = Promise.withResolvers<string>()
    begun.push(key)
    ends.push(end)
    return end.promise
  }
  return { begun, ends, start }
}

const settled = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

t.test('those who come while it is under way share the answer, for one key', async t => {
  const { begun, ends, start } = work()
  const share = joined(start)
  const answers = [share('a'), share('a'), share('b')]
  t.strictSame(begun, ['a', 'b'])
  ends[0]?.resolve('first')
  ends[1]?.resolve('of b')
  t.strictSame(await Promise.all(answers), ['first', 'first', 'of b'])
  void share('a')
  t.strictSame(begun, ['a', 'b', 'a'])
})

t.test('those who come while it is under way share the next one', async t => {
  const { begun, ends, start } = work()
  const share = joinedNext(start)
  const first = share('a')
  await settled()
  const later = [share('a'), share('a')]
  await settled()
  t.strictSame(begun, ['a'], 'the next one has not begun')
  ends[0]?.resolve('first')
  t.equal(await first, 'first')
  await settled()
  t.strictSame(begun, ['a', 'a'])
  ends[1]?.resolve('second')
  t.strictSame(await Promise.all(later), ['second', 'second'])
})

t.test('who comes when the next one has begun is not served by it', async t => {
  const { begun, ends, start } = work()
  const share = joinedNext(start)
  const first = share('a')
  await settled()
  const second = share('a')
  ends[0]?.resolve('first')
  await first
  await settled()
  const third = share('a')
  await settled()
  t.strictSame(begun, ['a', 'a'])
  ends[1]?.resolve('second')
  await settled()
  ends[2]?.resolve('third')
  t.strictSame(await Promise.all([second, third]), ['second', 'third'])
})

t.test('a failure is for those who shared it', async t => {
  const { ends, start } = work()
  const share = joinedNext(start)
  const first = share('a')
  await settled()
  const second = share('a')
  ends[0]?.reject(new Error('disk'))
  await t.rejects(first, { message: 'disk' })
  await settled()
  ends[1]?.resolve('second')
  t.equal(await second, 'second')
})
