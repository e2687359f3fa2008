import { AgenticoreError } from './jobs/errors.ts'
import type { Server } from './server/http/parts.ts'
import { systemClock } from './util/clock.ts'
import { hasCode, messageOf } from './util/error-code.ts'

/** For what a closing server is in the middle of. */
const closeMs = 5000

export interface Address {
  readonly host: string
  readonly port: number
  readonly version: string
}

/** @throws AgenticoreError `cannot_listen` */
export async function listen(server: Server, { host, port, version }: Address): Promise<void> {
  try {
    const listenTextResolver = (address: string): string => `agenticore ${version} listens at ${address}`
    await server.listen({ host: host.replace(/^\[|\]$/g, ''), port, listenTextResolver })
  } catch (error) {
    if (!hasCode(error, 'EADDRINUSE', 'EACCES', 'EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN')) throw error
    throw new AgenticoreError('cannot_listen', `${host}:${port} is not to be had: ${messageOf(error)}.`)
  }
}

/** What is answered at once still is; what hangs is cut off. */
export async function closeServer(server: Server): Promise<void> {
  const late = systemClock.deadline(closeMs, new Error('late'))
  late.signal.addEventListener('abort', () => server.server.closeAllConnections(), { once: true })
  await server.close().finally(() => late.stop())
}
