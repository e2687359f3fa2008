import { byInstallK8s, chart, helm, rawManifests } from '../chart.ts'
import { Laptop } from '../laptop.ts'
import { modelUrl, type Outside } from '../outside.ts'
import { inPlace, type Place } from '../place.ts'
import type { Chapter } from '../report.ts'
import { ran, seconds, tried, until } from '../run.ts'
import { image, valuesWith } from '../values.ts'
import { theWalls, theWallsWithoutUsers } from './hardening.ts'

/** From the chart, from the raw manifests, from `install-k8s`, and where Pod Security is at its strictest. */
export async function install(chapter: Chapter, outside: Outside): Promise<void> {
  await fromChart(chapter, outside)
  await fromRaw(chapter)
  await fromCommand(chapter, outside)
  await restricted(chapter, outside)
}

/** With the Secret of the specification's command, which has no API key. */
async function fromChart(chapter: Chapter, outside: Outside): Promise<void> {
  await inPlace(chapter, 'install-chart', {}, async place => {
    const { stdout } = await tried('helm', ['lint', '--strict', chart])
    chapter.report('helm lint --strict', stdout.includes('0 chart(s) failed'), stdout.split('\n').at(-1))
    const began = performance.now()
    const said = await helm(place, 'install', valuesWith(), '--set', 'storage.className=nfs-client')
    chapter.report('chart: helm install --wait', /STATUS: deployed/.test(said), seconds(began))
    chapter.report('chart: NOTES lead to a first job', /agenticore run/.test(said), lineWith(said, 'agenticore run'))
    await verification(chapter, place)
    await names(chapter, place)
    await place.addApiKey()
    const test = await place.helm('test', 'agenticore', '--timeout=3m')
    chapter.report(
      'chart: helm test, with an API key added as the notes say',
      /Phase: *Succeeded/.test(test),
      lineWith(test, 'Phase:'),
    )
    await delivered(chapter, 'chart', place, outside)
    await theWalls(chapter, place)
    await place.helm('uninstall', 'agenticore', '--wait', '--timeout=5m')
    const claims = await place.kubectl('get', 'pvc', '--output=name')
    chapter.report(
      'chart: helm uninstall keeps the volume',
      /agenticore-shared/.test(claims),
      claims.replace(/\n/g, ' '),
    )
  })
}

const lineWith = (text: string, part: string): string =>
  text
    .split('\n')
    .find(line => line.includes(part))
    ?.trim() ?? ''

/** The specification's section of that name, line by line. */
async function verification(chapter: Chapter, place: Place): Promise<void> {
  const pods = await place.kubectl('get', 'pods', '-l', 'app=agenticore', '--no-headers')
  const lines = pods.trim().split('\n')
  const areThere =
    lines.length === 2 && lines.every((line, n) => line.startsWith(`agenticore-${n} `) && / 1\/1 +Running/.test(line))
  chapter.report(
    'kubectl get pods -l app=agenticore',
    areThere,
    lines.map(line => line.replaceAll(/ +/g, ' ')).join('; '),
  )
  const listed = (await place.kubectl('exec', 'agenticore-0', '--', 'ls', '/shared/')).split('\n')
  const isLaidOut = ['job-state', 'jobs', 'profiles', 'repos'].every(name => listed.includes(name))
  chapter.report('kubectl exec agenticore-0 -- ls /shared/', isLaidOut, listed.join(' '))
  await using laptop = await Laptop.forwarded(place)
  const run = await laptop.agenticore('run', 'echo hello world', '--wait')
  chapter.report(
    'kubectl port-forward svc/agenticore 8200:8200 & agenticore run "echo hello world" --wait',
    run.exitCode === 0 && /hello world/.test(run.stdout + run.stderr),
    run.exitCode === 0 ? 'hello world, exit 0' : run.stderr,
  )
  const jobs = await ran('jq', ['-c', '[.[] | [.id, .pod_name]]'], {
    input: (await laptop.agenticore('jobs', '--json')).stdout,
  })
  const [[id = '', pod = ''] = []]: string[][] = JSON.parse(jobs)
  chapter.report("agenticore jobs --json | jq '.[].pod_name'", /^agenticore-[01]$/.test(pod), pod)
  const job = await laptop.agenticore('job', id, '--json')
  const named = await ran('jq', ['.pod_name'], { input: job.stdout })
  chapter.report("agenticore job <id> --json | jq '.pod_name'", named === `"${pod}"`, named)
  const args = ['--dry-run', '--debug', '--set', 'storage.className=standard']
  const dry = await tried('helm', ['--namespace', place.namespace, 'install', 'another', chart, ...args])
  chapter.report(
    'helm install … --dry-run --debug --set storage.className=standard',
    dry.exitCode === 0 && /storageClassName: "?standard/.test(dry.stdout),
    dry.exitCode === 0 ? 'exit 0' : dry.stderr,
  )
}

async function names(chapter: Chapter, place: Place): Promise<void> {
  const name = place.urlOf(0)
  const answer = await until('a pod answers by its name', async () => (await fetch(`${name}/health`)).status, 30_000)
  chapter.report(`a pod has the name agenticore-0.agenticore-headless`, answer === 200, `${answer} at ${name}`)
  const { status } = await fetch(`${place.url}/jobs`)
  chapter.report('without API keys the Service opens nothing to strangers', status === 403, status)
  const grace = await place.field('pod/agenticore-0', '.spec.terminationGracePeriodSeconds')
  const hook = await place.field('pod/agenticore-0', '.spec.containers[0].lifecycle.preStop.exec.command')
  chapter.report(
    'terminationGracePeriodSeconds 300, PreStop agenticore drain --timeout 270',
    grace === '300' && hook === '["agenticore","drain","--timeout","270"]',
    `${grace} ${hook}`,
  )
}

/** A job on a repository, from a laptop. */
async function delivered(chapter: Chapter, way: string, place: Place, outside: Outside): Promise<void> {
  const repository = await outside.repository(place.namespace)
  await using laptop = await Laptop.forwarded(place)
  const { exitCode, stderr } = await laptop.agenticore(
    'run',
    'quick-agent: write a file',
    '--repo',
    repository.url,
    '--wait',
  )
  const [branches, pulls] = [await repository.branches(), repository.pulls()]
  const isDelivered = exitCode === 0 && branches.length === 1 && pulls.length === 1
  const found = `exit ${exitCode}, ${branches.length} branch, ${pulls.length} pull request`
  chapter.report(
    `${way}: a job from a laptop ends in a pull request`,
    isDelivered,
    isDelivered ? found : `${found}: ${stderr}`,
  )
}

/** With the specification's `sed`. Who wants another model says so with kubectl. */
async function fromRaw(chapter: Chapter): Promise<void> {
  await inPlace(chapter, 'install-raw', { hasApiKey: true }, async place => {
    await using raw = await rawManifests()
    const said = await place.kubectl('apply', '-f', raw.directory)
    chapter.report(
      'raw: sed, kubectl apply -f k8s/',
      said.includes('statefulset.apps/agenticore created'),
      said.replaceAll('\n', '; '),
    )
    await place.kubectl('set', 'env', 'statefulset/agenticore', `ANTHROPIC_BASE_URL=${modelUrl}`)
    await place.kubectl('rollout', 'status', 'statefulset/agenticore', '--timeout=300s')
    const runs = await place.field('pod/agenticore-0', '.spec.containers[0].image')
    chapter.report('raw: the pods run that image', runs === `${image.repository}:${image.tag}`, runs)
    await using laptop = await Laptop.forwarded(place)
    const run = await laptop.agenticore('run', 'echo hello world', '--wait')
    chapter.report('raw: a job from a laptop', run.exitCode === 0, run.exitCode === 0 ? 'exit 0' : run.stderr)
    const { status } = await fetch(`${place.url}/jobs`)
    const open = await fetch(`${place.url}/jobs`, { headers: place.headers })
    chapter.report(
      'raw: with api-keys in the Secret the Service wants one',
      status === 401 && open.status === 200,
      `${status} without, ${open.status} with it`,
    )
  })
}

async function fromCommand(chapter: Chapter, outside: Outside): Promise<void> {
  await inPlace(chapter, 'install-k8s', { hasApiKey: true }, async place => {
    await byInstallK8s(place, valuesWith(), '--set', 'storage.className=efs-sc', '--apply')
    await place.kubectl('rollout', 'status', 'statefulset/agenticore', '--timeout=300s')
    const ready = await place.field('statefulset/agenticore', '.status.readyReplicas')
    chapter.report('install-k8s --apply: pods are ready', ready === '2', `${ready} of 2`)
    const className = await place.field('pvc/agenticore-shared', '.spec.storageClassName')
    chapter.report('install-k8s --set storage.className=efs-sc', className === 'efs-sc', className)
    await delivered(chapter, 'install-k8s', place, outside)
    await byInstallK8s(place, valuesWith(), '--set', 'storage.className=efs-sc', '--apply')
    const generation = await place.field('statefulset/agenticore', '.metadata.generation')
    chapter.report('install-k8s --apply once more changes nothing', generation === '1', `generation ${generation}`)
  })
}

/** `agent.isolation=none` under Pod Security's `restricted`, enforced. */
async function restricted(chapter: Chapter, outside: Outside): Promise<void> {
  await inPlace(chapter, 'install-restricted', { standard: 'restricted', hasApiKey: true }, async place => {
    await helm(place, 'install', valuesWith({ agent: { isolation: 'none' }, replicas: 1 }))
    chapter.report('agent.isolation=none runs under Pod Security "restricted"', true)
    const test = await place.helm('test', 'agenticore', '--timeout=3m')
    chapter.report('helm test does, too', /Phase: *Succeeded/.test(test), lineWith(test, 'Phase:'))
    await delivered(chapter, 'isolation none', place, outside)
    await theWallsWithoutUsers(chapter, place)
  })
}
