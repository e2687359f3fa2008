import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import type { LocalAgenticore } from '../app.ts'
import { printable } from '../util/printable.ts'
import { AgenticoreCommand } from './command.ts'
import { table, tableWidth } from './output/text.ts'

export default class Profiles extends AgenticoreCommand {
  static override summary = 'List profiles and where each comes from, or show what one says.'

  static override description = `A profile says how the agent is set up and what becomes of its work.
With a name: what it and everything it extends say together, as a profile.yml and what comes with it. Values that are filled
in when a job starts (\${VAR} in an MCP server) are shown as they are written.`

  static override examples = ['<%= config.bin %> profiles', '<%= config.bin %> profiles coding']

  static override args = {
    name: Args.string({ description: 'a profile' }),
  }

  static override flags = {
    json: Flags.boolean({ description: 'print JSON' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Profiles)
    const app = await this.openLocal()
    if (args.name !== undefined) return await this.#show(app, args.name, flags.json)
    const profiles = await app.profiles()
    if (flags.json) return this.printJson(profiles)
    const rows = profiles.map(({ name, source, description, error, hides, extends: parent }) => [
      name,
      source,
      parent ?? '-',
      printable(error === undefined ? description : `cannot be used: ${error}`) +
        (hides.length === 0 ? '' : ` (stands in front of: ${hides.join(', ')})`),
    ])
    this.print(table(['NAME', 'SOURCE', 'EXTENDS', 'DESCRIPTION'], rows, tableWidth(process.stdout)))
  }

  async #show(app: LocalAgenticore, name: string, json: boolean): Promise<void> {
    const { yaml, keys, files, directories, warnings } = await app.profile(name)
    const servers = Object.fromEntries(Object.entries(files.servers).map(([server, held]) => [server, held.server]))
    const { settings, memory, others } = files
    if (json) return this.printJson({ ...keys, directories, settings, mcp_servers: servers, memory, files: others })
    for (const directory of directories) this.say(this.paint('dim', `# ${directory}`))
    for (const warning of warnings) this.say(`Warning: ${warning}`)
    this.print(yaml.trimEnd())
    this.#section('.claude/settings.json', settings)
    this.#section('.mcp.json', servers)
    if (memory !== '') this.print(`\n# .claude/CLAUDE.md\n${printable(memory).trimEnd().replace(/^/gm, '#   ')}`)
    if (others.length > 0) this.print(`\n# .claude/: ${others.join(', ')}`)
  }

  /** As comments, so that all of it together is still a `profile.yml`. */
  #section(name: string, held: object): void {
    if (Object.keys(held).length === 0) return
    this.print(`\n# ${name}\n${JSON.stringify(held, null, 2).replace(/^/gm, '#   ')}`)
  }
}
