import { readFile, realpath } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { which } from '../../process/which.ts'
import { isFile } from '../../util/is-file.ts'

/** An agentihooks that can be called. */
export interface Program {
  readonly file: string
  /** What stands before its own arguments. */
  readonly args: readonly string[]
  /** The Python it runs on; undefined when it is no Python program that we can look into. */
  readonly python?: string
}

/** The installed command, if there is one. */
export async function installedProgram(path: string): Promise<Program | undefined> {
  const file = await which('agentihooks', path)
  if (file === undefined) return undefined
  const python = await pythonOf(await realpath(file))
  return { file, args: [], ...(python === undefined ? {} : { python }) }
}

/** Beside it, as in a virtual environment; else as its first line says. */
async function pythonOf(file: string): Promise<string | undefined> {
  const beside = join(dirname(file), 'python3')
  if (await isFile(beside)) return beside
  const [first = ''] = (await readFile(file, 'latin1')).split('\n', 1)
  return /^#!(\/\S*python[\d.]*)$/.exec(first.trimEnd())?.[1]
}
