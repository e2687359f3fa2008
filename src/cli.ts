import type { Command, Interfaces } from '@oclif/core'
import { execute } from '@oclif/core/execute'
import { commands } from './commands/index.ts'

/** JSON, filled in by scripts/build.ts: what the command classes and package.json say, so that neither is read at start. */
declare const AGENTICORE_MANIFEST: string
declare const AGENTICORE_PACKAGE: string

const manifest: { readonly [name: string]: Command.Cached } = JSON.parse(AGENTICORE_MANIFEST)
const pjson: Interfaces.PJSON & { readonly name: string; readonly version: string } = JSON.parse(AGENTICORE_PACKAGE)

/** oclif with its one plugin, ourselves, made ready at build time; a command's chunk is loaded when it is run. */
export async function main(): Promise<void> {
  const root = import.meta.dirname
  const name = process.argv[2] ?? ''
  if (name !== '' && !name.startsWith('-') && !Object.hasOwn(manifest, name)) {
    const { refuseUnknown } = await import('./commands/unknown.ts')
    return refuseUnknown(name, Object.keys(manifest))
  }
  const self = plugin(root)
  await execute({ dir: root, loadOptions: { root, pjson, plugins: new Map([[self.name, self]]) } })
}

function plugin(root: string): Interfaces.Plugin {
  const { name, version } = pjson
  const find = async (id: string): Promise<Command.Class> => {
    const load = commands[id]
    if (!load) throw new Error(`There is no command ${id}`)
    return await load()
  }
  return {
    _base: name,
    alias: name,
    commandIDs: Object.keys(manifest),
    commands: Object.entries(manifest).map(([id, cached]) => ({ ...cached, load: () => find(id) })),
    commandsDir: undefined,
    findCommand: find,
    hasManifest: true,
    hooks: {},
    isRoot: true,
    load: async () => undefined,
    moduleType: 'module',
    name,
    options: { root },
    pjson,
    root,
    topics: [],
    type: 'core',
    valid: true,
    version,
  }
}
