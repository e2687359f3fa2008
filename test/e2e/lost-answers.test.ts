import { createServer, type ServerResponse } from 'node:http'
import { createServer as createSocketServer } from 'node:net'
import { buffer } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { oneJob } from '../../src/api/replies.ts'
import { cliFor } from '../helpers/cli.ts'
import { cliTo, startDaemon } from '../helpers/daemon.ts'
import { httpTo } from '../helpers/http.ts'

type Lose = (answer: { status: number; body: Buffer }, reply: ServerResponse) => void

/** As Envoy says it. */
const unavailable: Lose = (_, reply) => void reply.writeHead(503).end('upstream connect error')
const brokenOff: Lose = ({ status, body }, reply) => {
  const headers = { 'content-type': 'application/json', 'content-length': body.length }
  reply.writeHead(status, headers).write(body.subarray(0, 10), () => reply.destroy())
}

/** Before the server a proxy that passes everything on, and loses the answers of the first POSTs. */
async function behindProxy(t: Test, losses: Lose[]) {
  const cli = cliFor(t.testdir(), { ANTHROPIC_API_KEY: 'sk-ant-canary' })
  // No job is started.
  const daemon = await startDaemon(t, cli, { env: { AGENTICORE_MIN_FREE_DISK: '1000TiB' } })
  const http = httpTo(t, daemon.url)
  const proxy = createServer(async (request, reply) => {
    const { method = '', url = '', headers } = request
    const sent = await buffer(request)
    const { status, body } = await http(method, url, { headers, ...(sent.length > 0 ? { body: sent } : {}) })
    const lose = method === 'POST' ? losses.shift() : undefined
    if (lose) lose({ status, body: Buffer.from(body) }, reply)
    else reply.writeHead(status, { 'content-type': 'application/json' }).end(body)
  })
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    proxy.closeAllConnections()
    proxy.close()
  })
  const address = proxy.address()
  if (typeof address !== 'object' || address === null) throw new Error('it does not listen')
  const laptop = cliTo({ url: `http://127.0.0.1:${address.port}` }, cli)
  const tasks = async (): Promise<string[]> =>
    JSON.parse((await laptop(['jobs', '--json'])).stdout).map(({ task }: { task: string }) => task)
  return { laptop, tasks, http, stop: () => daemon.stop() }
}

t.test('a job is submitted once, however the answer to it is lost', async t => {
  const { laptop, tasks, stop } = await behindProxy(t, [unavailable, brokenOff, unavailable, brokenOff])
  const run = await laptop(['run', 'one'])
  t.equal(run.exitCode, 0, run.stderr)
  const [, id = ''] = /Job submitted: (\S+)/.exec(run.stdout) ?? []
  const retry = await laptop(['retry', id])
  t.equal(retry.exitCode, 0, retry.stderr)
  t.notMatch(retry.stdout, id)
  t.strictSame(await tasks(), ['one', 'one'])
  await stop()
})

t.test('when it is given up, what may have been done is said, with the key', { timeout: 60_000 }, async t => {
  const { laptop, tasks, stop } = await behindProxy(
    t,
    Array.from({ length: 5 }, () => unavailable),
  )
  const { exitCode, stderr } = await laptop(['run', 'one'])
  t.equal(exitCode, 3)
  t.match(stderr, /may have done what it was asked.*\[unanswered\]/)
  t.notMatch(stderr, '--local')
  const [, key = ''] = /--idempotency-key (run-[\w-]+)/.exec(stderr) ?? []
  t.equal((await laptop(['run', 'one', '--idempotency-key', key])).exitCode, 0)
  t.strictSame(await tasks(), ['one'])
  await stop()
})

t.test('a key may come as a header; an empty one is refused, and nothing submitted', async t => {
  const { laptop, tasks, http, stop } = await behindProxy(t, [])
  const empty = ['run', 'one', '--idempotency-key', '']
  t.match(await laptop(empty), { exitCode: 2, stderr: 'idempotency_key: must not be empty' })
  t.match(await laptop([...empty, '--local']), { exitCode: 2, stderr: 'The idempotency key is empty' })
  t.equal((await http('POST', '/jobs', { body: { task: 'one' }, headers: { 'idempotency-key': '' } })).status, 400)
  t.strictSame(await tasks(), [])
  const submit = async (path: string, body?: object) =>
    oneJob.parse((await http('POST', path, { body, headers: { 'idempotency-key': 'k' } })).json()).job.id
  const id = await submit('/jobs', { task: 'one' })
  t.equal(await submit('/jobs', { task: 'one' }), id)
  t.not(await submit('/jobs', { task: 'one', idempotency_key: 'other' }), id)
  await stop()
})

t.test('a server that was named and hangs is not taken for none', async t => {
  const cli = cliFor(t.testdir())
  const hanging = createSocketServer()
  await new Promise<void>(resolve => hanging.listen(0, '127.0.0.1', resolve))
  const address = hanging.address()
  const port = String(typeof address === 'object' && address?.port)
  const named = [{ AGENTICORE_URL: `http://127.0.0.1:${port}` }, { AGENTICORE_URL: '', AGENTICORE_PORT: port }]
  for (const { exitCode, stdout, stderr } of await Promise.all(named.map(env => cli(['jobs', '--json'], { env })))) {
    t.equal(exitCode, 3)
    t.equal(stdout, '')
    t.match(
      stderr,
      `No agenticore server answers at http://127.0.0.1:${port}: no answer within 3 s. [server_unreachable]`,
    )
  }
  hanging.close()
})
