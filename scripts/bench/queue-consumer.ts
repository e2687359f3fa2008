/** A consumer in a process of its own: says when each job was started, by the clock that all processes share. */
import { consume, kinds } from './queues.ts'

const [kindAt = '', port = '', prefix = '', directory = ''] = process.argv.slice(2)
const kind = kinds[Number(kindAt)]
if (kind === undefined || !process.send) throw new Error('queue.ts starts this')

const started: [string, number][] = []
const consumer = await consume(
  kind,
  { port: Number(port), prefix, directory },
  {
    concurrency: 1,
    started: id => void started.push([id, Number(process.hrtime.bigint()) / 1e6]),
    over: () => undefined,
  },
)
// Asked for once, at the end: telling while it is measured would be measured.
process.on('message', () => {
  process.send?.(started)
  void consumer.close().then(() => process.disconnect())
})
process.send('ready')
