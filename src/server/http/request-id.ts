import type { IncomingHttpHeaders } from 'node:http'

/** What a request is called in its reply and in the log: as its caller says, if that is fit to be written down. */
export function requestIdOf(headers: IncomingHttpHeaders = {}): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && /^[\w.:-]{1,100}$/.test(given) ? given : crypto.randomUUID()
}
