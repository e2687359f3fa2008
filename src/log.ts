import { type Logger, pino } from 'pino'
import { printable } from './util/printable.ts'
import type { Redact } from './util/redact.ts'

export interface LogOptions {
  readonly level: string
  readonly format: 'json' | 'text'
  readonly redact: Redact
}

/** The daemon's log, a line at a time to standard error: JSON for machines, text for a terminal. No secret leaves by it. */
export async function openLog({ level, format, redact }: LogOptions): Promise<Logger> {
  const out = format === 'json' ? process.stderr : await forPeople()
  const safe = { write: (line: string): void => void out.write(redact(line)) }
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: label => ({ level: label }) } },
    safe,
  )
}

async function forPeople(): Promise<NodeJS.WritableStream> {
  const { default: pretty } = await import('pino-pretty')
  return pretty({
    colorize: process.stderr.isTTY === true,
    ignore: 'reqId',
    translateTime: 'SYS:HH:MM:ss',
    singleLine: true,
    messageFormat: ({ msg }) => printable(String(msg ?? '')),
    destination: process.stderr,
    sync: true,
  })
}
