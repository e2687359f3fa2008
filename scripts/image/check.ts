/** See scripts/image/check. Prints a line for each promise; ends with 1 when one is not kept. */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ExecaError, execa } from 'execa'
import { theWaysOfAgentihooks } from './check-agentihooks.ts'
import {
  address,
  canary,
  compose,
  container,
  engine,
  inside,
  insideMeanwhile,
  layOutSecrets,
  place,
  report,
  request,
  restartedIn,
  root,
  secrets,
  tally,
  until,
} from './check-kit.ts'
import { lookFor } from './look.ts'

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
  // What finds nothing for the agent has to be able to find something.
  const control = await inside(lookFor(secrets['github-token']), '-u', '1000')
  report(
    'the same search by the server itself finds the secrets',
    /\/run\/agenticore\/secrets\/github-token/.test(control),
    control,
  )
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
  const { json } = await request('POST', '/jobs', { task: 'leave', wait: true })
  const states = await inside('cat /proc/[0-9]*/stat | cut -d" " -f3 | grep -c Z')
  const isReaped = states === '0' && json.job?.status === 'succeeded' && json.job.num_turns === 2
  report('nothing of a job is left for PID 1 to reap', isReaped, `${states} zombies; the job ${json.job?.status}`)
  const mounts = await inside("grep -E '^\\S+ /(var/)?tmp ' /proc/mounts")
  report('what a job makes in /tmp can be run', mounts !== '' && !/noexec/.test(mounts), mounts)
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
  const tools = await inside('for p in npm npx gcc cc make pip; do command -v $p; done')
  report('no npm, no compiler', tools === '', tools)
}

async function theDrain(): Promise<void> {
  const { json } = await request('POST', '/jobs', { task: 'hold on' })
  await until(async () => (await inside('ls /tmp/check-started')) !== '')
  // From inside: into a container that is being stopped nobody gets any more.
  const ready = `node -e 'fetch("http://127.0.0.1:8200/ready").then(({status}) => console.log(status))'`
  await insideMeanwhile(`while [ "$(${ready})" = 200 ]; do :; done; touch /tmp/check-go`)
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

/** The profile of compose.yaml that adds Redis. */
async function theRedis(): Promise<void> {
  await restartedIn('redis')
  const { json } = await request('GET', '/status')
  report('with --profile redis jobs are in Redis', json.store.startsWith('Redis at redis://redis:6379'), json.store)
  const job = (await request('POST', '/jobs', { task: 'leave', wait: true })).json.job
  report('and go through it', job?.status === 'succeeded', job?.status)
  const { warnings } = (await request('GET', '/ready')).json
  report('nothing is unsafe about it', warnings === undefined, String(warnings))
  const doctor = await inside('agenticore doctor --json')
  const found = JSON.parse(doctor || '[]').find(({ check }: { check: string }) => check === 'Redis')
  report('doctor sees it, from a shell in the container, too', found?.status === 'ok', found?.message)
  const url = 'cat /run/agenticore/redis/url'
  report(
    'its password is for the server alone',
    (await inside(url, '-u', '1000')).startsWith('redis://default:') &&
      (await inside(`${url} 2>/dev/null`, '-u', '20005')) === '',
  )
  const knock = `require("net").connect(6379, "redis").on("data", said => process.exit(console.log(String(said)))).write("PING\\r\\n")`
  const answer = await inside(`node -e '${knock}'`, '-u', '20005')
  report('who has none, as agents, gets nothing from it', answer.startsWith('-NOAUTH'), answer)
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
  await shell('cd "$0" && mkdir layers && tar xf image.tar -C layers')
  writeFileSync(join(place, 'words'), `${[canary, ...(await ownHosts())].join('\n')}\n`)
  // The image's configuration and history among them.
  const each = 'cd "$0" && find layers -type f | while read -r layer; do'
  const said = await shell(`${each} zcat -f "$layer" | grep -aFq -f words && echo "$layer"; done; true`)
  const files = await shell('cd "$0" && find layers -type f -name "*.json" | wc -l')
  report('the configuration of the image is looked at, too', Number(files) > 0, `${files.trim()} files of JSON`)
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
  await compose(['up', '-d', '--wait', '--build'])
  console.log(`  built, and ready after ${((performance.now() - started) / 1000).toFixed(1)} s`)
  await until(async () => (await inside(`node -e 'fetch("http://127.0.0.1:9101").then(() => console.log(1))'`)) === '1')
  for (const step of [
    theDoor,
    theJob,
    theColumn,
    theSpy,
    theWalls,
    theDrain,
    theWaysOfAgentihooks,
    theRedis,
    theLayers,
  ])
    await step()
} catch (error) {
  tally.failed += 1
  console.error(error instanceof ExecaError ? error.shortMessage + String(error.stderr).slice(-2000) : error)
} finally {
  await compose(['--profile', 'redis', 'down', '-v', '-t', '0']).catch(error => console.error(String(error)))
  rmSync(place, { recursive: true, force: true })
}
process.exitCode = tally.failed > 0 ? 1 : 0
