/** See scripts/image/check. Prints a line for each promise; ends with 1 when one is not kept. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { styleText } from 'node:util'
import { ExecaError, execa } from 'execa'

const root = join(import.meta.dirname, '../..')
const [composeFile = '', ...composeArgs] = (process.env.COMPOSE ?? 'docker compose').split(' ')
const engine = process.env.ENGINE ?? 'docker'
const place = mkdtempSync(join(tmpdir(), 'agenticore-check-'))
const canary = `canary-${crypto.randomUUID().slice(0, 8)}`
const secrets = {
  'api-keys': `${canary}-door`,
  'anthropic-api-key': `sk-ant-${canary}`,
  'github-token': `${canary}-github`,
}
const address = 'http://127.0.0.1:8299'
const env = {
  AGENTICORE_SECRETS: join(place, 'secrets'),
  AGENTICORE_PUBLISH: '127.0.0.1:8299',
  CHECK_TOKEN: secrets['github-token'],
  CHECK_MODEL_KEY: secrets['anthropic-api-key'],
}
let failed = 0

function report(promise: string, isKept: boolean, found = ''): void {
  if (!isKept) failed += 1
  const mark = isKept ? styleText('green', '✔') : styleText('red', '✖')
  console.log(`${mark} ${promise}${found === '' ? '' : `: ${found}`}`)
}

async function compose(...args: string[]): Promise<string> {
  const files = ['-p', 'agenticore-check', '-f', 'compose.yaml', '-f', 'scripts/image/compose.check.yaml']
  const { stdout } = await execa(composeFile, [...composeArgs, ...files, ...args], { cwd: root, env })
  return stdout
}

/** In the container of the server, as root or as who is given. */
async function inside(script: string, ...options: string[]): Promise<string> {
  const { stdout } = await execa(engine, ['exec', ...options, await container(), 'sh', '-c', script], { reject: false })
  return stdout.trim()
}

let found: string | undefined
async function container(): Promise<string> {
  found ??= (await compose('ps', '-aq', 'agenticore')).trim().split('\n').at(-1) ?? ''
  return found
}

async function request(method: string, path: string, body?: unknown, key: string = secrets['api-keys']) {
  const response = await fetch(`${address}${path}`, {
    method,
    headers: { 'content-type': 'application/json', ...(key === '' ? {} : { 'x-api-key': key }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, json: text.startsWith('{') || text.trim().startsWith('{') ? JSON.parse(text) : {} }
}

async function until<T>(look: () => Promise<T | undefined | false>, limitMs = 60_000): Promise<T> {
  for (const end = Date.now() + limitMs; Date.now() < end; await delay(200)) {
    const seen = await look().catch(() => undefined)
    if (seen) return seen
  }
  throw new Error(`Waited in vain for ${look}`)
}

function layOutSecrets(): void {
  mkdirSync(join(place, 'secrets'), { mode: 0o700 })
  for (const [name, value] of Object.entries(secrets)) {
    writeFileSync(join(place, 'secrets', name), value)
    // Whoever they belong to on the host.
    chmodSync(join(place, 'secrets', name), 0o644)
  }
}

async function theJob(): Promise<void> {
  const args = ['run', 'The test of slugify fails. Find out why and fix it.', '--wait', '--json']
  const repo = 'http://127.0.0.1:9102/octo/slugs.git'
  const { exitCode, stdout, stderr } = await execa(join(root, 'bin/agenticore'), [...args, '--repo', repo], {
    env: { AGENTICORE_URL: address, AGENTICORE_API_KEY: secrets['api-keys'] },
    reject: false,
  })
  const job = exitCode === 0 ? JSON.parse(stdout) : {}
  report(
    'the quickstart job, from outside and with a key, ends in a pull request',
    job.pr_url !== undefined,
    job.pr_url,
  )
  if (job.pr_url === undefined) return console.log(stderr)
  const merged = `/tmp/agenticore-jobs/${job.id}`
  report('its profile was merged in /tmp/agenticore-jobs', job.job_config_dir === merged, job.job_config_dir)
  report(
    'its pod is the container',
    job.pod_name !== undefined && (await container()).startsWith(job.pod_name),
    job.pod_name,
  )
}

async function theDoor(): Promise<void> {
  for (const key of ['', 'wrong']) {
    const { status } = await request('GET', '/jobs', undefined, key)
    report(`${key === '' ? 'no key' : 'a wrong key'} opens nothing`, status === 401, String(status))
  }
}

/** An agent that looks everywhere for what is secret, by a tool of the real Claude Code: scripts/image/outside.ts has the command. */
async function theSpy(): Promise<void> {
  const { json } = await request('POST', '/jobs', { task: 'spy', wait: true })
  const response = await fetch(`${address}/jobs/${json.job.id}/events`, {
    headers: { accept: 'application/x-ndjson', 'x-api-key': secrets['api-keys'] },
  })
  const [said = ''] = /found:\[[^\]]*\] uid:\d+ CapEff:[^"]{18}/.exec(await response.text()) ?? []
  report(
    'an agent is a user without capabilities, and finds no secret',
    /^found:\[\] uid:20\d{3} CapEff:\S*0{16}$/.test(said),
    said,
  )
}

/** The table of the specification, its Compose column; identity, profiles and drain have checks of their own. */
async function theColumn(): Promise<void> {
  const { json } = await request('GET', '/status')
  report(
    'jobs and locks are in files, on a local volume',
    json.locks === 'files' && json.store.startsWith('files in /home/agenticore/'),
    `${json.store}; ${json.locks}`,
  )
  const base = await inside('head -1 /home/agenticore/.claude/CLAUDE.md', '-u', '1000')
  report(
    'agentihooks has installed itself in ~/.claude',
    base.includes('profile: default'),
    `${base}; ${json.agentihooks}`,
  )
  const trees = await inside('find /home/agenticore/agenticore-repos /app/worktrees -name slugify.js', '-u', '1000')
  report('a clone has no working tree that anybody could touch, and a job leaves none', trees === '', trees)
}
async function theWalls(): Promise<void> {
  await request('POST', '/jobs', { task: 'leave', wait: true })
  const states = await inside('cat /proc/[0-9]*/stat | cut -d" " -f3 | grep -c Z')
  report('nothing is left for PID 1 to reap', states === '0', `${states} zombies`)
  report('PID 1 is tini', (await inside('cat /proc/1/comm')) === 'tini')
  const server = (await inside('cat /proc/1/task/1/children')).split(' ')[0]
  const caps = await inside(`grep -hE '^Cap(Prm|Eff|Amb)' /proc/${server}/status | cut -f2 | sort -u`)
  const uid = await inside(`stat -c %u /proc/${server}`)
  report(
    'the server is user 1000, with four capabilities',
    uid === '1000' && caps === '00000000000000e1',
    `${uid} ${caps}`,
  )
  const written = await inside(
    'for d in / /etc /usr/local/bin /app /opt/agentihooks; do touch $d/x 2>/dev/null && echo $d; done',
  )
  report('the root file system is read-only', written === '', written)
  const setuid = await inside('find / -xdev -perm /6000 2>/dev/null')
  report("no file gives another user's rights", setuid === '', setuid)
  const tools = await inside('for p in npm npx gcc cc make apt-get-install pip; do command -v $p; done')
  report('no npm, no compiler', tools === '', tools)
}

async function theDrain(): Promise<void> {
  const { json } = await request('POST', '/jobs', { task: 'hold on' })
  await until(async () => (await inside('ls /tmp/check-started')) !== '')
  // From inside: into a container that is being stopped nobody gets any more.
  const ready = `node -e 'fetch("http://127.0.0.1:8200/ready").then(({status}) => console.log(status))'`
  await inside(`while [ "$(${ready})" = 200 ]; do :; done; touch /tmp/check-go`, '-d')
  await execa(engine, ['stop', '-t', '60', await container()], { reject: false })
  const code = (await execa(engine, ['inspect', '-f', '{{.State.ExitCode}}', await container()])).stdout
  report('SIGTERM lets the job that runs end, and then the container', code === '0', `exit ${code}`)
  await execa(engine, ['start', await container()])
  const job = await until(async () => {
    const now = (await request('GET', `/jobs/${json.job.id}`)).json.job
    return now?.ended_at === undefined ? undefined : now
  })
  const drained = await execa(engine, ['exec', await container(), 'agenticore', 'drain', '--timeout', '30'], {
    reject: false,
  })
  const reason = (await request('GET', '/status')).json.status
  report('agenticore drain reaches it', drained.exitCode === 0 && reason === 'draining', reason)
  report('and it is there after the next start', job.status === 'succeeded' && job.interruptions === 0, job.status)
}

/** Of registries and proxies that are this machine's own. */
async function ownHosts(): Promise<string[]> {
  const asked = await Promise.all([
    execa('npm', ['config', 'get', 'registry'], { reject: false }),
    execa('pip', ['config', 'get', 'global.index-url'], { reject: false }),
  ])
  const texts = [...asked.map(({ stdout = '' }) => stdout), process.env.PIP_INDEX_URL, process.env.HTTPS_PROXY]
  const hosts = texts.flatMap(text => URL.parse((text ?? '').trim())?.hostname ?? [])
  return hosts.filter(host => !/^(registry\.npmjs\.org|pypi\.org)$/.test(host))
}

/** What was lent to the build must not be in what is shipped. */
async function theLayers(): Promise<void> {
  const archive = join(place, 'image.tar')
  const image = process.env.AGENTICORE_IMAGE ?? 'agenticore:latest'
  await execa(engine, ['save', '-o', archive, image])
  const shell = async (script: string): Promise<string> => (await execa('sh', ['-c', script, place])).stdout
  await shell('cd "$0" && mkdir layers && tar xf image.tar -C layers && rm layers/*.json')
  writeFileSync(join(place, 'words'), `${[canary, ...(await ownHosts())].join('\n')}\n`)
  const each = 'cd "$0" && find layers -type f -size +1k | while read -r layer; do'
  const said = await shell(`${each} zcat -f "$layer" | grep -aFq -f words && echo "$layer"; done; true`)
  report('no secret and no registry of the builder is in a layer', said === '', said)
  const names = '(^|/)(_logs/|[.]npmrc$|[.]netrc$|pip[.]conf$|root/[.](cache|npm)/.)'
  const left = await shell(
    `${each} tar tf "$layer" 2>/dev/null | grep -E '${names}' | grep -v site-packages; done; true`,
  )
  report('no log and no configuration of npm or pip is in a layer', left === '', left)
  const { stdout: size } = await execa('sh', ['-c', `gzip -1 -c ${archive} | wc -c`])
  console.log(`  ${(Number(size) / 1e6).toFixed(0)} MB compressed (gzip -1)`)
}

try {
  layOutSecrets()
  const started = performance.now()
  await compose('up', '-d', '--wait', '--build')
  console.log(`  built, and ready after ${((performance.now() - started) / 1000).toFixed(1)} s`)
  await until(async () => (await inside(`node -e 'fetch("http://127.0.0.1:9101").then(() => console.log(1))'`)) === '1')
  for (const step of [theDoor, theJob, theColumn, theSpy, theWalls, theDrain, theLayers]) await step()
} catch (error) {
  failed += 1
  console.error(error instanceof ExecaError ? error.shortMessage + String(error.stderr).slice(-2000) : error)
} finally {
  await compose('down', '-v', '-t', '0').catch(error => console.error(String(error)))
  rmSync(place, { recursive: true, force: true })
}
process.exitCode = failed > 0 ? 1 : 0
