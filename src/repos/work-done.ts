import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { WorkDone } from '../jobs/workspace.ts'
import { writeDurably } from '../util/durable.ts'
import { hasCode } from '../util/error-code.ts'
import type { Checkout } from './checkout.ts'

/** Kept beside the tree, and gone with it: a mark about a tree must not be found by an attempt that has another. */
const fileIn = ({ runnerRoot }: Pick<Checkout, 'runnerRoot'>): string => join(runnerRoot, 'done')

/** `{fence} {RFC 3339}` */
export async function writeDone(checkout: Pick<Checkout, 'runnerRoot'>, { fence, at }: WorkDone): Promise<void> {
  await writeDurably(fileIn(checkout), `${fence} ${at.toISOString()}\n`)
}

export async function readDone(checkout: Pick<Checkout, 'runnerRoot'>): Promise<WorkDone | undefined> {
  try {
    const [fence = '', at = ''] = (await readFile(fileIn(checkout), 'utf8')).trim().split(' ')
    return { fence: Number(fence), at: new Date(at) }
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}
