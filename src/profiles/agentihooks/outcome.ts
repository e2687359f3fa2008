import { mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { writeDurably } from '../../util/durable.ts'
import { isFields } from '../merge.ts'

/** How a server fared with agentihooks when it started. */
export interface Outcome {
  readonly at: string
  /** Which agentihooks that was about: a checkout, an address, or nothing for the installed one. */
  readonly wanted: string
  readonly ok: boolean
  /** In words. */
  readonly says: string
}

export async function writeOutcome(path: string, outcome: Outcome): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await writeDurably(path, `${JSON.stringify(outcome, null, 2)}\n`)
}

/** Undefined where no server has tried, and for what cannot be read. */
export async function readOutcome(path: string): Promise<Outcome | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'))
    if (!isFields(value)) return undefined
    const { at, wanted, ok, says } = value
    return { at: String(at), wanted: String(wanted), ok: ok === true, says: String(says) }
  } catch {
    return undefined
  }
}
