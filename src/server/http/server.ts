import { isUtf8 } from 'node:buffer'
import Fastify, { type FastifyBaseLogger, type FastifyReply, type FastifyRequest, LogController } from 'fastify'
import { AgenticoreError } from '../../jobs/errors.ts'
import type { Clock } from '../../util/clock.ts'
import { hasCode } from '../../util/error-code.ts'
import { type Access, accessBy } from './access.ts'
import { throwIfClosing } from './closing.ts'
import { idleEnder, owe } from './connections.ts'
import { eventRoutes } from './events.ts'
import { fleetRoutes } from './fleet.ts'
import { jobRoutes } from './jobs.ts'
import { refuseMalformed, refuseOddities } from './malformed.ts'
import { describeRoutes } from './openapi.ts'
import type { CheckedRequests, Server, ServerParts } from './parts.ts'
import { type Refusal, refusal, refusalFor } from './refusals.ts'
import { requestIdOf } from './request-id.ts'
import { pathOf, refuseUnknown } from './unknown.ts'
import { validatorCompiler } from './validation.ts'

/** A task of 512 KiB, every character of it escaped. */
const maxBodyBytes = 4 * 1024 ** 2
const maxParamChars = 200
/** For a request to come in whole. */
const requestMs = 60_000
const headersMs = 20_000
/** Longer than balancers keep connections they do not use. */
const keepAliveMs = 75_000

const open: readonly string[] = ['/health', '/ready']

/** The REST server; not listening yet. */
export async function buildServer(parts: ServerParts, logger: FastifyBaseLogger): Promise<Server> {
  const warn = seldom(parts.clock, message => logger.warn(message))
  const closed = (why: string): void => warn(`Turned away: ${why}. AGENTICORE_API_KEYS opens the door.`)
  const access = accessBy(parts.apiKeys, { onlyOwnUser: parts.onlyOwnUser, closed })
  const server: Server = Fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: maxBodyBytes,
    requestTimeout: requestMs,
    keepAliveTimeout: keepAliveMs,
    forceCloseConnections: 'idle',
    // Node would refuse a request without Host with no word of ours.
    http: { headersTimeout: headersMs, connectionsCheckingInterval: 5000, requireHostHeader: false },
    routerOptions: { maxParamLength: maxParamChars },
    genReqId: ({ headers }) => requestIdOf(headers),
    clientErrorHandler: refuseMalformed(logger),
    return503OnClosing: false,
    frameworkErrors(error, request, reply) {
      // No hook sees it.
      receive(request, reply)
      reply.raw.once('close', () => tell(request, reply))
      send(refusalFor(refusedBy(access, request) ?? error), reply)
    },
  }).withTypeProvider<CheckedRequests>()
  server.setValidatorCompiler(validatorCompiler)
  server.setSerializerCompiler(() => data => JSON.stringify(data))
  server.setErrorHandler((error, request, reply) => sendError(error, request, reply))
  server.setNotFoundHandler(refuseUnknown)
  acceptAnyJson(server)
  refuseOddities(server.server, logger)
  const endIdle = idleEnder(server.server)
  server.addHook('preClose', async () => endIdle())
  addHooks(server, access, parts.closing)
  const methods = collectMethods(server)
  await describeRoutes(server, parts)
  jobRoutes(server, parts)
  eventRoutes(server, parts)
  fleetRoutes(server, parts)
  refuseOtherMethods(server, methods)
  await server.ready()
  return server
}

function addHooks(server: Server, access: Access, closing: AbortSignal): void {
  server.addHook('onRequest', async (request, reply) => {
    receive(request, reply)
    checkHost(request)
    if (!open.includes(request.routeOptions.url ?? '')) access(request)
    throwIfClosing(closing)
    // Whatever is wrong with its body.
    if (request.is404) return refuseUnknown(request, reply)
  })
  server.addHook('onResponse', async (request, reply) => tell(request, reply))
}

function receive({ id }: FastifyRequest, reply: FastifyReply): void {
  owe(reply.raw)
  reply.header('x-request-id', id).header('x-content-type-options', 'nosniff')
}

function tell({ method, url, log }: FastifyRequest, { statusCode, elapsedTime }: FastifyReply): void {
  const level = method === 'GET' && statusCode < 400 ? 'debug' : 'info'
  log[level]({ method, path: pathOf(url), status: statusCode, ms: Math.round(elapsedTime) }, 'request')
}

const seldomMs = 60_000

/** Who is turned away may come again at once, a thousand times a second. */
function seldom(clock: Clock, say: (message: string) => void): (message: string) => void {
  let nextMs = Number.NEGATIVE_INFINITY
  return message => {
    if (clock.monotonicMs() < nextMs) return
    nextMs = clock.monotonicMs() + seldomMs
    say(message)
  }
}

/** RFC 9112, 3.2: what is asked for by its whole address names its host there, too, and a proxy may go by either. */
function checkHost({ headers, raw }: FastifyRequest): void {
  if ((raw.headersDistinct.host ?? []).length > 1) {
    throw new AgenticoreError('invalid_request', 'The request has more than one Host header.')
  }
  const [, named = headers.host] = /^[a-z][a-z\d+.-]*:\/\/([^/?#]*)/i.exec(raw.url ?? '') ?? []
  if (headers.host !== undefined && named?.toLowerCase() !== headers.host.toLowerCase()) {
    throw new AgenticoreError('invalid_request', 'The address of the request names another host than its Host header.')
  }
  if (headers.host !== undefined || raw.httpVersion === '1.0') return
  throw new AgenticoreError('invalid_request', 'The request has no Host header.')
}

/** An address that no route can have is no way to ask whether there is a server. */
function refusedBy(access: Access, request: FastifyRequest): unknown {
  try {
    access(request)
    return undefined
  } catch (error) {
    return error
  }
}

/** Whatever a client calls it, as the original did; an empty one is none. */
function acceptAnyJson(server: Server): void {
  const parse = server.getDefaultJsonParser('error', 'error')
  const notUtf8 = new AgenticoreError('invalid_request', 'The body is not UTF-8.')
  server.removeAllContentTypeParsers()
  server.addContentTypeParser<Buffer>(['application/json', '*'], { parseAs: 'buffer' }, (request, body, done) => {
    if (body.length === 0) done(null, undefined)
    else if (isUtf8(body)) parse(request, body.toString(), done)
    else done(notUtf8)
  })
}

function sendError(error: unknown, { log }: FastifyRequest, reply: FastifyReply): FastifyReply {
  const answer = refusalFor(error)
  // Who asked has hung up in the middle of the reply.
  if (reply.raw.destroyed && hasCode(error, 'ERR_STREAM_PREMATURE_CLOSE')) log.info('nobody waits for the reply')
  else if (answer.status >= 500 && answer.body.code !== 'not_ready') log.error({ err: error }, 'request failed')
  return send(answer, reply)
}

const send = ({ status, headers, body }: Refusal, reply: FastifyReply): FastifyReply =>
  reply.code(status).headers(headers).type('application/json; charset=utf-8').send(body)

type Methods = ReadonlyMap<string, Set<string>>

function collectMethods(server: Server): Methods {
  const methods = new Map<string, Set<string>>()
  server.addHook('onRoute', ({ url, method }) => {
    methods.set(url, new Set([...(methods.get(url) ?? []), ...[method].flat()]))
  })
  return methods
}

/** What is there, but not under this method. */
function refuseOtherMethods(server: Server, methods: Methods): void {
  for (const [url, allowed] of [...methods]) {
    const allow = [...allowed].sort().join(', ')
    const refuse = async ({ method }: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
      const message = `${method} is not for ${url}; allowed is ${allow}.`
      const { body } = refusal(405, new AgenticoreError('no_such_endpoint', message))
      return reply.code(405).header('allow', allow).send(body)
    }
    const method = server.supportedMethods.filter(method => !allowed.has(method))
    // Whatever else is wrong with it: it is not looked at.
    server.route({ url, method, schema: { hide: true }, onRequest: refuse, handler: refuse })
  }
}
