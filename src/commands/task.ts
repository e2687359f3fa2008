import { buffer } from 'node:stream/consumers'
import { AgenticoreError } from '../api/wire.ts'

/** The task as given, or, for `-`, all of standard input. @throws AgenticoreError `invalid_request` for what is no UTF-8 */
export const readTask = async (argument: string, input: NodeJS.ReadableStream): Promise<string> =>
  argument === '-' ? decoded(await buffer(input)) : argument

function decoded(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new AgenticoreError('invalid_request', 'What came on standard input is not UTF-8.', { cause })
  }
}
