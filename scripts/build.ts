/** Bundles src/ into dist/: one chunk a command, with the command manifest worked out here instead of at each start. */
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, type Plugin } from 'esbuild'
import { commands } from '../src/commands/index.ts'

const root = join(import.meta.dirname, '..')
const pjson = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const { name, version, description, oclif } = pjson

// What `oclif manifest` calls; the package does not export it.
const cacheModule = join(root, 'node_modules/@oclif/core/lib/util/cache-command.js')
const { cacheCommand } = await import(pathToFileURL(cacheModule).href)

async function manifest(): Promise<Record<string, unknown>> {
  const plugin = { name, type: 'core', alias: name }
  const entries = Object.entries(commands).map(async ([id, load]) => {
    const command = await load()
    command.id = id
    return [id, await cacheCommand(command, plugin, true)]
  })
  return Object.fromEntries(await Promise.all(entries))
}

// oclif and its parts are CommonJS and ask for these; in a module they have to be made.
const banner = `import { createRequire as __createRequire } from 'node:module'
const require = __createRequire(import.meta.url)
const __filename = import.meta.filename
const __dirname = import.meta.dirname`

// oclif asks it one thing, whether this is WSL, and it brings PowerShell for that: 4 ms of every start.
const wslUtils: Plugin = {
  name: 'wsl-utils',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^wsl-utils$/ }, () => ({ path: 'wsl-utils', namespace: 'slim' }))
    onLoad({ filter: /.*/, namespace: 'slim' }, () => ({
      contents: "export { default as isWsl } from 'is-wsl'",
      resolveDir: root,
    }))
  },
}

rmSync(join(root, 'dist'), { recursive: true, force: true })
await build({
  entryPoints: [join(root, 'src/main.ts')],
  outdir: join(root, 'dist'),
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node22',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'linked',
  chunkNames: 'chunks/[name]-[hash]',
  banner: { js: banner },
  logLevel: 'warning',
  plugins: [wslUtils],
  define: {
    'process.env.NODE_ENV': '"production"',
    AGENTICORE_VERSION: JSON.stringify(version),
    AGENTICORE_MANIFEST: JSON.stringify(await manifest()),
    AGENTICORE_PACKAGE: JSON.stringify({ name, version, description, oclif: { ...oclif, commands: undefined } }),
  },
})
