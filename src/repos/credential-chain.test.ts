import t from 'tap'
import { never } from '../../test/helpers/repos.ts'
import type { FindCredential, Lookup } from '../jobs/credentials.ts'
import { parseRepository } from '../jobs/repository.ts'
import { askedOnce, firstOf } from './credential-chain.ts'

const found = (password: string): Lookup => ({ kind: 'found', credential: { username: 'u', password, source: 's' } })
const none = (why: string): Lookup => ({ kind: 'none', why })
const at = (url: string) => parseRepository(url)

/** A source that gives these one after the other, and keeps what it was asked. */
function source(...lookups: Lookup[]) {
  const asked: string[] = []
  const find: FindCredential = async ({ url }) => {
    asked.push(url)
    return lookups[asked.length - 1] ?? none('too often')
  }
  return { find, asked }
}

t.test('sources are asked in order, up to the first that has one', async t => {
  const [first, second, third] = [source(none('a')), source(found('b')), source(found('c'))]
  const find = firstOf([first.find, second.find, third.find])
  t.strictSame(await find(at('https://h/o/r'), never), found('b'))
  t.strictSame([first.asked, second.asked, third.asked], [['https://h/o/r'], ['https://h/o/r'], []])
  const nothing = firstOf([source(none('a')).find, source(none('')).find, source(none('b')).find])
  t.strictSame(await nothing(at('https://h/o/r'), never), none('a, b'))
})

t.test('nobody is asked for an address that no credential may go to', async t => {
  const { find, asked } = source(found('x'))
  for (const url of ['http://h/o/r', 'git@h:o/r', 'ssh://h/o/r', '/srv/r', 'http://127.0.0.1.evil.test/r']) {
    t.match(await firstOf([find])(at(url), never), { kind: 'none', why: /^none is sent over (http|ssh|file)$/ }, url)
  }
  t.strictSame(asked, [])
  t.strictSame(await firstOf([find])(at('http://127.0.0.1:80/o/r'), never), found('x'))
})

t.test(
  'a repository is asked for once, whatever was said, also by many at once; another one is asked for itself',
  async t => {
    const { find, asked } = source(found('a'), none('nothing'), found('c'))
    const learnt: Lookup[] = []
    const once = askedOnce(find, lookup => learnt.push(lookup))
    const same = await Promise.all(
      ['https://h/o/r', 'https://h/o/r.git', 'https://h/o/r'].map(url => once(at(url), never)),
    )
    t.strictSame(same, [found('a'), found('a'), found('a')])
    for (const _ of [1, 2]) t.strictSame(await once(at('https://h:8443/o/r'), never), none('nothing'))
    t.strictSame(await once(at('https://h/o/other'), never), found('c'))
    t.strictSame(asked, ['https://h/o/r', 'https://h:8443/o/r', 'https://h/o/other'])
    t.strictSame(learnt, [found('a'), none('nothing'), found('c')])
  },
)

t.test('who gives up does so alone', async t => {
  const first = new AbortController()
  const reason = new Error('enough')
  let asked = 0
  const find: FindCredential = (_, signal) => {
    asked += 1
    if (asked > 1) return Promise.resolve(found('a'))
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  }
  const once = askedOnce(find, () => undefined)
  const [gone, waiting, waitingToo] = [first.signal, never, never].map(signal => once(at('https://h/o/r'), signal))
  first.abort(reason)
  await t.rejects(Promise.all([gone]), reason)
  t.strictSame(await Promise.all([waiting, waitingToo]), [found('a'), found('a')])
  t.equal(asked, 2)
})
