/** Bundles src/ into dist/: one chunk a command, with the command manifest worked out here instead of at each start. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, type Plugin } from 'esbuild'
import { commands } from '../src/commands/index.ts'
import { notices, thirdPartiesIn } from './third-party.ts'

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

/** What oclif brings for cases that a bundle is never in, 10 ms of every start: the module, and what stands in for it. */
const unused: Readonly<Record<string, string>> = {
  // Asked one thing, whether this is WSL; it brings PowerShell for that.
  '^wsl-utils$': "export { default as isWsl } from 'is-wsl'",
  // Finds the TypeScript source of a plugin that is not compiled.
  '/ts-path$': 'export const TS_CONFIGS = {}; export const tsPath = async (root, path) => path',
  // Looks for command files, which our manifest names.
  '^tinyglobby$': "export const glob = async () => { throw new Error('The manifest names every command.') }",
  // The tracing of oclif, ioredis and others.
  '^debug$': 'const silent = () => () => {}; module.exports = Object.assign(silent, { default: silent })',
}

const slim: Plugin = {
  name: 'slim',
  setup({ onResolve, onLoad }) {
    for (const [module, contents] of Object.entries(unused)) {
      const path = module.replace(/[^a-z-]/g, '')
      onResolve({ filter: new RegExp(module) }, () => ({ path, namespace: 'slim', pluginData: contents }))
    }
    onLoad({ filter: /.*/, namespace: 'slim' }, ({ pluginData }) => ({ contents: pluginData, resolveDir: root }))
  },
}

/** As a module it asks Node for gRPC when it needs it, past the bundle; as CommonJS it asks in a way that can be bundled. */
const wholeGrpc: Plugin = {
  name: 'whole-grpc',
  setup({ onResolve, resolve }) {
    onResolve({ filter: /^@opentelemetry\/otlp-grpc-exporter-base$/ }, async ({ path, kind, resolveDir }) =>
      kind === 'require-call' ? undefined : await resolve(path, { kind: 'require-call', resolveDir }),
    )
  },
}

/**
 * Node makes an ES module of a builtin by evaluating every export of it, the lazy ones too (all of web crypto, a REPL, a
 * diff): 5 ms of every start. Asked for by name, a builtin stays as it is.
 */
function plainBuiltins(code: string): string {
  return code.replace(
    /\bimport ?(?:\* ?as ([\w$]+)|([\w$]+)|\{([^}]*)\}) ?from ?"(node:[\w/]+)"/g,
    (_, namespace?: string, whole?: string, names?: string, builtin?: string) =>
      `const ${namespace ?? whole ?? `{${names?.replace(/ as /g, ':')}}`}=globalThis.process.getBuiltinModule("${builtin}")`,
  )
}

const slimPackage = { name, version, description, oclif: { ...oclif, commands: undefined } }

rmSync(join(root, 'dist'), { recursive: true, force: true })
const { outputFiles, metafile } = await build({
  write: false,
  metafile: true,
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
  plugins: [slim, wholeGrpc],
  define: {
    'process.env.NODE_ENV': '"production"',
    AGENTICORE_VERSION: JSON.stringify(version),
    AGENTICORE_MANIFEST: JSON.stringify(JSON.stringify(await manifest())),
    AGENTICORE_PACKAGE: JSON.stringify(JSON.stringify(slimPackage)),
  },
})
for (const { path, text } of outputFiles) {
  mkdirSync(dirname(path), { recursive: true })
  // main.js has to get as far as saying that a Node is too old.
  writeFileSync(path, path.endsWith('main.js') ? text : plainBuiltins(text))
}

const parties = thirdPartiesIn(metafile, root)
writeFileSync(join(root, 'dist/THIRD-PARTY-NOTICES.txt'), `${notices(parties)}\n`)
const listed = parties.map(({ name, version, licence }) => ({ name, version, licence }))
writeFileSync(join(root, 'dist/third-party.json'), `${JSON.stringify(listed, null, 2)}\n`)
