import { Readable } from 'node:stream'
import t from 'tap'
import { readTask } from './task.ts'

const input = (...chunks: (string | Buffer)[]): Readable => Readable.from(chunks.map(each => Buffer.from(each)))

t.test('the task comes from the command line, or from standard input', async t => {
  t.equal(await readTask('look', input('not read')), 'look')
  const [start, end] = [Buffer.from('né').subarray(0, 2), Buffer.from('né').subarray(2)]
  t.equal(await readTask('-', input(start, end, '\n')), 'né\n')
})

t.test('bytes that are no UTF-8 are refused, and not replaced', async t => {
  await t.rejects(readTask('-', input('n', Buffer.from([0xe9]))), { code: 'invalid_request', message: 'not UTF-8' })
})
