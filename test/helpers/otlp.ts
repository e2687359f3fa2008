import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { createServer as createHttp2Server, type ServerHttp2Session } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { Test } from 'tap'

export interface Delivery {
  readonly path: string
  readonly contentType: string
  readonly body: Buffer
}

export interface Collector {
  readonly url: string
  readonly deliveries: Delivery[]
}

/** An OpenTelemetry collector on loopback, by HTTP, that keeps what it is sent. @param silent it never answers */
export async function startCollector(t: Test, { silent = false } = {}): Promise<Collector> {
  const deliveries: Delivery[] = []
  const server = createServer(async (request, response) => {
    const body = await buffer(request)
    deliveries.push({ path: request.url ?? '', contentType: typeOf(request.headers), body })
    if (!silent) response.writeHead(200, { 'content-type': typeOf(request.headers) }).end()
  })
  t.teardown(async () => {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { url: `http://127.0.0.1:${portOf(server.address())}`, deliveries }
}

/** The same by gRPC: a message is one frame, and says how it went in its trailers. */
export async function startGrpcCollector(t: Test): Promise<Collector> {
  const deliveries: Delivery[] = []
  const sessions = new Set<ServerHttp2Session>()
  const server = createHttp2Server().on('session', session => sessions.add(session))
  server.on('stream', async (stream, headers) => {
    const body = await buffer(stream)
    deliveries.push({ path: headers[':path'] ?? '', contentType: typeOf(headers), body: body.subarray(5) })
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.end(Buffer.alloc(5))
  })
  t.teardown(async () => {
    for (const session of sessions) session.destroy()
    await new Promise(resolve => server.close(resolve))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { url: `http://127.0.0.1:${portOf(server.address())}`, deliveries }
}

const typeOf = (headers: IncomingHttpHeaders): string => headers['content-type'] ?? ''

const portOf = (address: AddressInfo | string | null): number =>
  typeof address === 'object' && address !== null ? address.port : 0

export interface SentSpan {
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string
  readonly startMs: number
  readonly endMs: number
  readonly failed: boolean
  readonly attributes: Readonly<Record<string, string | number | boolean>>
  readonly resource: Readonly<Record<string, string | number | boolean>>
}

interface OtlpAttribute {
  readonly key: string
  readonly value: {
    readonly stringValue?: string
    readonly intValue?: number | string
    readonly doubleValue?: number
    readonly boolValue?: boolean
  }
}

/** The spans of deliveries in OTLP's JSON. */
export function spansIn(deliveries: readonly Delivery[]): SentSpan[] {
  return deliveries.flatMap(({ body }) => {
    const { resourceSpans } = JSON.parse(body.toString())
    return resourceSpans.flatMap(({ resource, scopeSpans }: { resource: Attributed; scopeSpans: Scope[] }) =>
      scopeSpans.flatMap(({ spans }) => spans.map(span => sentSpan(span, resource))),
    )
  })
}

interface Attributed {
  readonly attributes: readonly OtlpAttribute[]
}

interface Scope {
  readonly spans: readonly OtlpSpan[]
}

interface OtlpSpan extends Attributed {
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly status: { readonly code: number }
}

const sentSpan = (span: OtlpSpan, resource: Attributed): SentSpan => ({
  name: span.name,
  traceId: span.traceId,
  spanId: span.spanId,
  parentSpanId: span.parentSpanId ?? '',
  startMs: Number(span.startTimeUnixNano) / 1e6,
  endMs: Number(span.endTimeUnixNano) / 1e6,
  failed: span.status.code === 2,
  attributes: plain(span),
  resource: plain(resource),
})

const plain = ({ attributes }: Attributed): SentSpan['attributes'] =>
  Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ?? value.boolValue ?? Number(value.doubleValue ?? value.intValue),
    ]),
  )
