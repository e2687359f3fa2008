import http from 'node:http'
import { hasCode } from '../util/error-code.ts'
import { withSocketPath } from '../util/socket-path.ts'
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
  const response = await reach(socketPath, JSON.stringify(wanted), signal)
  if (response.statusCode !== 200) throw new Error(`the server answered ${response.statusCode}`)
  const lines = new Lines()
  for await (const chunk of response.setEncoding('utf8')) {
    for (const line of lines.add(String(chunk))) yield Object(JSON.parse(line))
  }
}

async function reach(path: string, body: string, signal: AbortSignal): Promise<http.IncomingMessage> {
  try {
    return await withSocketPath(path, socketPath => post(socketPath, body, signal))
  } catch (error) {
    throw hasCode(error, 'ENOENT', 'ECONNREFUSED') ? new Error(`nobody listens at ${path}`) : error
  }
}

const post = async (socketPath: string, body: string, signal: AbortSignal): Promise<http.IncomingMessage> =>
  await new Promise((resolve, reject) => {
    http.request({ socketPath, method: 'POST', path: '/drain', signal }, resolve).once('error', reject).end(body)
  })
