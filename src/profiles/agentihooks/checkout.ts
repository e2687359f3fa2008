import { isFile } from '../../util/is-file.ts'
import { openTree } from '../../util/open-to-all.ts'
import { type Below, environmentOn } from './environment.ts'
import type { Program } from './program.ts'

/** What keeps a checkout from being used so; undefined when nothing does. */
export async function whyNotInFront(checkout: string, installed: Program | undefined): Promise<string | undefined> {
  const script = `${checkout}/scripts/install.py`
  if (!(await isFile(script))) return `${checkout} is no checkout of agentihooks: it has no scripts/install.py`
  if (installed?.python !== undefined) return undefined
  return 'a checkout uses the libraries of an installed agentihooks, and there is none on the PATH'
}

/** It would lie in the checkout; without it a hook takes 40 ms more. */
const noBytecode = 'import sys; sys.dont_write_bytecode = True'

/**
 * A checkout as it lies there, in front of the installed agentihooks: nothing is written into it, and what is changed in it
 * counts at once.
 * @param place becomes a virtual environment
 */
export async function inFront(checkout: string, place: string, { installed, run }: Below): Promise<Program> {
  const below = installed?.python
  const wrong = await whyNotInFront(checkout, installed)
  if (wrong !== undefined || below === undefined) throw new Error(wrong)
  const python = await environmentOn(below, place, { run, first: [noBytecode, checkout] })
  await openTree(place)
  return { file: python, args: ['-m', 'scripts.install'], python }
}
