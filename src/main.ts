import module from 'node:module'

declare const AGENTICORE_VERSION: string

const oldestNode = '22.15'
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

/** The first thing that runs: what needs nothing else is answered at once, the rest is loaded from compiled code. */
if (process.argv.length === 3 && process.argv[2] === '--version') {
  process.stdout.write(`agenticore ${AGENTICORE_VERSION}\n`)
} else if (major < 22 || (major === 22 && minor < 15)) {
  process.stderr.write(
    `Error: agenticore needs Node ${oldestNode} or newer; this is ${process.versions.node}.\n` +
      'In a checkout, scripts/setup brings one; elsewhere put a newer node first in the PATH.\n',
  )
  process.exitCode = 1
} else {
  // Where bin/agenticore says.
  module.enableCompileCache()
  // A reader that has seen enough (`| head`) is no fault of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))
  // Progress that nobody reads any more is no reason to leave a job half done.
  process.stderr.on('error', () => undefined)
  const { main } = await import('./cli.ts')
  await main()
}
