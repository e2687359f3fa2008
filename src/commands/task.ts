import { text } from 'node:stream/consumers'

/** The task as given, or, for `-`, all of standard input. */
export const readTask = async (argument: string, input: NodeJS.ReadableStream): Promise<string> =>
  argument === '-' ? await text(input) : argument
