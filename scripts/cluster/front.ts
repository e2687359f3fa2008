import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'

const tls = join(import.meta.dirname, 'tls')

/** The certificate of the GitHub here, which is its own authority; what a company's CA is elsewhere. */
export const certificate = readFileSync(join(tls, 'cert.pem'), 'utf8')

interface Front {
  readonly host: string
  readonly port: number
  /** On this machine's loopback. */
  readonly to: number
}

/**
 * Lets pods reach a server that listens on loopback alone; by TLS where agenticore insists on it, as it does before it sends
 * a token anywhere.
 * @returns what ends it
 */
export async function openFront({ host, port, to }: Front, by: 'tcp' | 'tls'): Promise<() => void> {
  const open = new Set<Socket>()
  const serve = (from: Socket): void => {
    const onward = connect(to, '127.0.0.1')
    for (const socket of [from, onward]) {
      open.add(socket)
      socket.on('error', () => socket.destroy()).on('close', () => open.delete(socket))
    }
    from.pipe(onward).pipe(from)
    from.on('close', () => onward.destroy())
  }
  const key = { key: readFileSync(join(tls, 'key.pem')), cert: certificate }
  const server = by === 'tls' ? createTlsServer(key, serve) : createServer(serve)
  server.listen(port, host)
  await once(server, 'listening')
  return () => {
    server.close()
    for (const socket of open) socket.destroy()
  }
}
