import { readFileSync } from 'node:fs'
import t from 'tap'
import { parse } from 'yaml'
import { closingMs, drainSeconds } from './stopping.ts'

t.test('a drain and all of the closing are over before the grace period', async t => {
  const { services } = parse(readFileSync(new URL('../../compose.yaml', import.meta.url), 'utf8'))
  const graceMs = Number.parseInt(services.agenticore.stop_grace_period, 10) * 1000
  const stoppingMs = Object.values(closingMs).reduce((sum, ms) => sum + ms, drainSeconds * 1000)
  t.equal(graceMs, 300_000)
  t.ok(stoppingMs < graceMs - 5000, `${stoppingMs} ms, and something for the process to start and to leave`)
})
