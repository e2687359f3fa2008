import * as Args from '@oclif/core/args'
import type { Command } from '@oclif/core/command'
import { AgenticoreCommand } from './command.ts'
import { type Completable, type CompletableFlag, completionFor, shells } from './output/completion.ts'

export default class Autocomplete extends AgenticoreCommand {
  static override summary = 'Print what a shell needs to complete commands, flags and their values.'

  static override examples = [
    {
      description: 'In ~/.bashrc, or ~/.zshrc after compinit:',
      command: 'eval "$(<%= config.bin %> autocomplete bash)"',
    },
    {
      description: 'For fish:',
      command: '<%= config.bin %> autocomplete fish > ~/.config/fish/completions/<%= config.bin %>.fish',
    },
  ]

  static override args = {
    shell: Args.string({ options: [...shells], required: true, description: 'which shell' }),
  }

  async run(): Promise<void> {
    const { args } = await this.parse(Autocomplete)
    const shell = shells.find(each => each === args.shell) ?? 'bash'
    this.print(completionFor(shell, this.config.bin, this.config.commands.map(completable)))
  }
}

const completable = ({ id, summary = '', flags }: Command.Loadable): Completable => ({
  name: id,
  summary,
  flags: Object.values(flags).map(flag),
})

function flag({ name, char, description = '', ...rest }: Command.Loadable['flags'][string]): CompletableFlag {
  const values = rest.type === 'option' ? (rest.options ?? []) : undefined
  return { name, short: char, description, values }
}
