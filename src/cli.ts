import type { Command, Interfaces } from '@oclif/core'
import { execute } from '@oclif/core/execute'
import { commands } from './commands/index.ts'

/** Filled in by scripts/build.ts: what package.json and the command classes say, so that neither is read at start. */
declare const AGENTICORE_MANIFEST: { readonly [name: string]: Command.Cached }
declare const AGENTICORE_PACKAGE: Interfaces.PJSON & { readonly name: string; readonly version: string }

/** oclif with its one plugin, ourselves, made ready at build time; a command's chunk is loaded when it is run. */
export async function main(): Promise<void> {
  const root = import.meta.dirname
  const self = plugin(root)
  await execute({ dir: root, loadOptions: { root, pjson: AGENTICORE_PACKAGE, plugins: new Map([[self.name, self]]) } })
}

function plugin(root: string): Interfaces.Plugin {
  const { name, version } = AGENTICORE_PACKAGE
  const find = async (id: string): Promise<Command.Class> => {
    const load = commands[id]
    if (!load) throw new Error(`There is no command ${id}`)
    return await load()
  }
  return {
    _base: name,
    alias: name,
    commandIDs: Object.keys(AGENTICORE_MANIFEST),
    commands: Object.entries(AGENTICORE_MANIFEST).map(([id, cached]) => ({ ...cached, load: () => find(id) })),
    commandsDir: undefined,
    findCommand: find,
    hasManifest: true,
    hooks: {},
    isRoot: true,
    load: async () => undefined,
    moduleType: 'module',
    name,
    options: { root },
    pjson: AGENTICORE_PACKAGE,
    root,
    topics: [],
    type: 'core',
    valid: true,
    version,
  }
}
