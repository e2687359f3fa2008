import { once } from 'node:events'
import * as Flags from '@oclif/core/flags'
import { AgenticoreCommand } from './command.ts'
import { withSignals } from './signals.ts'

export default class Serve extends AgenticoreCommand {
  static override summary = 'Run jobs for others: REST, and the worker that runs what is submitted.'

  static override description =
    `The first SIGTERM or Ctrl-C stops claiming and waits for what runs; the second one hands it over to the next server;
the third one leaves at once. Without AGENTICORE_API_KEYS this machine alone is served.`

  static override examples = ['<%= config.bin %> serve', '<%= config.bin %> serve --host 0.0.0.0 --port 8200']

  static override flags = {
    host: Flags.string({ helpValue: 'HOST', description: 'where to listen (AGENTICORE_HOST)' }),
    port: Flags.integer({ min: 0, max: 65_535, helpValue: 'N', description: 'the port (AGENTICORE_PORT)' }),
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(Serve)
    const { startDaemon } = await import('../daemon.ts')
    const { host, port } = flags
    const options = { ...(host === undefined ? {} : { host }), ...(port === undefined ? {} : { port }) }
    await withSignals(async ({ first, second }) => {
      const daemon = await startDaemon({ ...options, version: this.config.version, stop: first })
      if (!daemon) return
      try {
        if (!first.aborted) await once(first, 'abort')
        for await (const _ of daemon.drain({ hurry: second }));
      } finally {
        await daemon.close()
      }
    })
    // Whatever hangs is left to the next server.
    this.exit(0)
  }
}
