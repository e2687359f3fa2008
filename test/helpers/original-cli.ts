import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const version = '1.9.0'
const root = join(import.meta.dirname, '../..')

/**
 * The Python agenticore's own client, as PyPI has it, with the one library it needs for that; installed once for all runs.
 * @returns its program, or why it cannot be had here
 */
export async function originalCli(): Promise<{ readonly program: string } | { readonly missing: string }> {
  const place = join(root, '.tools/original-cli', version)
  const program = join(place, 'bin/agenticore')
  if (existsSync(program)) return { program }
  const fresh = `${place}.${process.pid}`
  mkdirSync(join(place, '..'), { recursive: true })
  try {
    const run = promisify(execFile)
    await run('python3', ['-m', 'venv', fresh])
    const pip = join(fresh, 'bin/pip')
    await run(pip, ['install', '--quiet', '--disable-pip-version-check', '--no-deps', `agenticore==${version}`])
    await run(pip, ['install', '--quiet', '--disable-pip-version-check', 'httpx'])
    // Scripts name their interpreter, which is to be found under the lasting name.
    await run('sed', ['-i', `1s|.*|#!${join(place, 'bin/python3')}|`, join(fresh, 'bin/agenticore')])
    renameSync(fresh, place)
    return { program }
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true })
    // Another test file was faster.
    if (existsSync(program)) return { program }
    return { missing: `no python3-venv, or no PyPI: ${String(error).split('\n')[0]}` }
  }
}
