import { enableCompileCache } from 'node:module'

declare const AGENTICORE_VERSION: string

/** The first thing that runs: what needs nothing else is answered at once, the rest is loaded from compiled code. */
const argument = process.argv[2]
if (process.argv.length === 3 && argument === '--version') {
  process.stdout.write(`agenticore ${AGENTICORE_VERSION}\n`)
} else {
  enableCompileCache()
  // A reader that has seen enough (`| head`) is no fault of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))
  const { main } = await import('./cli.ts')
  await main()
}
