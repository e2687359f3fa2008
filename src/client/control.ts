import http from 'node:http'
import { hasCode } from '../util/error-code.ts'
import { Lines } from './lines.ts'

export interface DrainRequest {
  readonly timeout_ms: number
  readonly now: boolean
}

/** What a daemon says of a drain, as it comes. @throws Error that says why it could not be asked, or broke off */
export async function* askToDrain(
  socketPath: string,
  wanted: DrainRequest,
  signal: AbortSignal,
): AsyncGenerator<object> {
  const response = await post(socketPath, JSON.stringify(wanted), signal)
  if (response.statusCode !== 200) throw new Error(`the server answered ${response.statusCode}`)
  const lines = new Lines()
  for await (const chunk of response.setEncoding('utf8')) {
    for (const line of lines.add(String(chunk))) yield Object(JSON.parse(line))
  }
}

async function post(socketPath: string, body: string, signal: AbortSignal): Promise<http.IncomingMessage> {
  return await new Promise((resolve, reject) => {
    const request = http.request({ socketPath, method: 'POST', path: '/drain', signal }, resolve)
    request.once('error', error => reject(hasCode(error, 'ENOENT', 'ECONNREFUSED') ? nobody(socketPath) : error))
    request.end(body)
  })
}

const nobody = (socketPath: string): Error => new Error(`nobody listens at ${socketPath}`)
