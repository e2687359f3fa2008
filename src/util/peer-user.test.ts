import { once } from 'node:events'
import { createConnection, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { until } from '../../test/helpers/until.ts'
import { userAtOtherEnd } from './peer-user.ts'

/** A connection to this process, both ends. */
async function connected(t: Test, host: string): Promise<{ ours: Socket; theirs: Socket }> {
  const server = createServer({ allowHalfOpen: true })
  t.teardown(() => server.close())
  server.listen(0, host.includes('.') ? '0.0.0.0' : '::')
  await once(server, 'listening')
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('no address')
  const theirs = createConnection({ host, port: address.port })
  const [ours] = await once(server, 'connection')
  t.teardown(() => ours.destroy())
  t.teardown(() => theirs.destroy())
  return { ours, theirs }
}

t.test('who is at the other end of a connection, while it is there', async t => {
  for (const host of ['127.0.0.1', '127.0.0.2', '::1']) {
    const { ours, theirs } = await connected(t, host)
    const connection = {
      localAddress: ours.localAddress,
      localPort: ours.localPort,
      remoteAddress: ours.remoteAddress,
      remotePort: ours.remotePort,
    }
    t.equal(userAtOtherEnd(connection), process.getuid?.(), host)
    theirs.destroy()
    await until(() => userAtOtherEnd(connection) === undefined || undefined)
    t.equal(userAtOtherEnd(connection), undefined, `${host}: closed, which the kernel shows as root's`)
  }
  t.equal(
    userAtOtherEnd({ localAddress: '127.0.0.1', localPort: 1, remoteAddress: '127.0.0.1', remotePort: 2 }),
    undefined,
  )
})
