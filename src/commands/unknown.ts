import { didYouMean } from '../util/nearest.ts'
import { printable } from '../util/printable.ts'
import { exitCodes } from './exit-codes.ts'
import { paintFor } from './output/colour.ts'

/** Commands of the Python agenticore, and what to do instead. */
const removed: Readonly<Record<string, string>> = {
  plan: 'run the task under a profile that may not write (--profile review)',
  plans: '`agenticore jobs` lists every job',
  'execute-plan': 'go on with the conversation of the job that planned (run --session-id)',
  hooks: 'profiles are read anew for each job',
  init: 'nothing has to be set up; `agenticore doctor` says what is missing',
  uninstall: 'remove the checkout, or the package, and ~/.agenticore',
  update: 'update it as it was installed',
  agents: '`agenticore jobs` shows what runs',
  agent: 'use docker compose',
  push: 'use docker build and docker push',
}

/** Has an error about flags that there are not say which may have been meant. */
export function suggestFlags(error: Error, known: readonly string[]): void {
  if (!('flags' in error) || !Array.isArray(error.flags)) return
  const names = known.map(name => `--${name}`)
  for (const flag of error.flags.map(String).filter(each => each.startsWith('--'))) {
    const [name = ''] = flag.slice(0, 100).split('=')
    error.message = error.message.replace(flag, () => `${flag}${didYouMean(name, names)}`)
  }
}

/** Says that there is no such command, and what may have been meant. */
export function refuseUnknown(name: string, commands: readonly string[]): void {
  const instead = Object.hasOwn(removed, name) ? removed[name] : undefined
  const shown = printable(name).slice(0, 100)
  const what =
    instead === undefined
      ? `There is no command "${shown}"${didYouMean(name.slice(0, 100), commands) || '.'}`
      : `The command "${shown}" is of the Python agenticore, and not of this one: ${instead} (docs/migration.md).`
  process.stderr.write(
    `${paintFor(process.stderr)('red', 'Error:')} ${what}\n\`agenticore help\` lists the commands.\n`,
  )
  process.exitCode = exitCodes.usage
}
