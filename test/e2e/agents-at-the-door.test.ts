import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { cliFor } from '../helpers/cli.ts'
import { startDaemon } from '../helpers/daemon.ts'
import { bash, modelKey, world } from '../helpers/e2e.ts'

const skip = process.getuid?.() === 0 ? false : 'only root can start agents as other users'

t.test('an agent with a user of its own does not get into a server without keys', { skip }, async t => {
  const place = mkdtempSync(join(tmpdir(), 'agenticore-door-'))
  t.teardown(() => rmSync(place, { recursive: true, force: true }))
  chmodSync(place, 0o711)
  mkdirSync(join(place, 'tmp'))
  const ask = (request: string): string => `exec 3<>"/dev/tcp/127.0.0.1/$(cat ${place}/port)"; printf '${request}' >&3;`
  const head = 'HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n'
  const body = '{"task":"Planted"}'
  const post = `POST /jobs ${head}Content-Type: application/json\\r\\nContent-Length: ${body.length}\\r\\n\\r\\n${body}`
  const { model } = await world(t, [
    {
      turns: [
        bash(`bash -c '${ask(`GET /jobs ${head}\\r\\n`).replaceAll("'", '"')} head -1 <&3'`),
        // The kernel shows what is closed as root's.
        bash(`bash -c '${ask(post).replaceAll("'", "'\\''")} exec 3>&-'`),
        bash(`bash -c '${ask(post).replaceAll("'", "'\\''")} head -1 <&3'`),
        { text: 'Done.' },
      ],
    },
  ])
  const cli = cliFor(join(place, 'home'), {
    ANTHROPIC_API_KEY: modelKey,
    ANTHROPIC_BASE_URL: model.url,
    AGENTICORE_AGENT_ISOLATION: 'user',
    AGENTICORE_HOST: '0.0.0.0',
    AGENTICORE_WORKTREE_ROOT: join(place, 'worktrees'),
    TMPDIR: join(place, 'tmp'),
  })
  const daemon = await startDaemon(t, cli)
  const { port } = new URL(daemon.url)
  writeFileSync(join(place, 'port'), port, { mode: 0o644 })
  const request = async (method: string, path: string, given?: unknown) => {
    const options =
      given === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(given) }
    return await fetch(`http://127.0.0.1:${port}${path}`, { method, ...options })
  }
  const { job } = JSON.parse(await (await request('POST', '/jobs', { task: 'Knock', wait: true })).text())
  t.match(job, { status: 'succeeded', num_turns: 4 })
  const events = await (await request('GET', `/jobs/${job.id}/events`)).text()
  t.equal(events.match(/HTTP\/1\.1 403/g)?.length, 2, events)
  t.equal(JSON.parse(await (await request('GET', '/jobs')).text()).count, 1, 'nothing was planted')
  t.ok(daemon.log.some(line => line.includes('the request came from another user')))
})
