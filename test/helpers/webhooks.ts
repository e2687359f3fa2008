import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Test } from 'tap'
import { toWire } from '../../src/api/wire.ts'
import type { Clock } from '../../src/util/clock.ts'
import { redactor } from '../../src/util/redact.ts'
import { Webhook } from '../../src/webhook/webhook.ts'

export const webhookSecret = 'canary-of-the-webhook-0123456789'

export interface WebhookOptions {
  readonly url: string
  readonly clock: Clock
  warn(message: string): void
  readonly secrets?: readonly string[]
}

/** The webhook of a store in `root`, as the composition root makes it. */
export const webhookIn = (root: string, { url, clock, warn, secrets = [] }: WebhookOptions): Webhook =>
  new Webhook({
    directory: join(root, '.webhooks'),
    url,
    secret: webhookSecret,
    clock,
    redact: redactor([webhookSecret, ...secrets]),
    random: () => 0,
    warn,
    toWire,
  })

export interface Received {
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** Status and headers to answer with; undefined: none, ever. */
export type Answer = { readonly status: number; readonly headers?: Record<string, string> } | undefined

export interface Receiver {
  readonly url: string
  readonly port: number
  readonly received: Received[]
  /** For each message in turn; the last one for all that follow. */
  answers: Answer[]
  close(): Promise<void>
}

/** A server on loopback that keeps what it is sent. */
export async function startReceiver(t: Test, port = 0): Promise<Receiver> {
  const received: Received[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    received.push({ headers: request.headers, body: Buffer.concat(chunks).toString() })
    const answer = receiver.answers.length > 1 ? receiver.answers.shift() : receiver.answers[0]
    if (answer) response.writeHead(answer.status, answer.headers).end('what it says')
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const bound = isAddress(address) ? address.port : 0
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    if (server.listening) await new Promise(resolve => server.close(resolve))
  }
  const receiver: Receiver = {
    url: `http://127.0.0.1:${bound}/hooks/secret-path`,
    port: bound,
    received,
    answers: [{ status: 200 }],
    close,
  }
  t.teardown(close)
  return receiver
}

const isAddress = (address: AddressInfo | string | null): address is AddressInfo =>
  typeof address === 'object' && address !== null
