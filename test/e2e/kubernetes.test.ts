import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { layOut } from '../../src/shared-fs.ts'
import { objectsOf } from '../helpers/chart.ts'
import { cliFor } from '../helpers/cli.ts'

t.test('install-k8s prints objects, and writes them into files', async t => {
  const place = t.testdir({ 'values.yaml': 'replicas: 4\n' })
  const cli = cliFor(place)
  const { exitCode, stdout } = await cli([
    'install-k8s',
    '-f',
    join(place, 'values.yaml'),
    '--set',
    'keda.enabled=true',
  ])
  t.equal(exitCode, 0)
  const kinds = objectsOf(stdout).map(({ kind }) => kind)
  t.ok(kinds.includes('StatefulSet') && kinds.includes('ScaledObject'), kinds.join(' '))
  t.match(await cli(['install-k8s', '--output-dir', join(place, 'k8s')]), { exitCode: 0, stdout: '' })
  t.same(readdirSync(join(place, 'k8s')).sort(), [
    'headless-service.yaml',
    'init-job.yaml',
    'pod-disruption-budget.yaml',
    'pvc-shared.yaml',
    'service.yaml',
    'statefulset.yaml',
  ])
  t.match(readFileSync(join(place, 'k8s/statefulset.yaml'), 'utf8'), 'replicas: 2')
  writeFileSync(join(place, 'k8s/ingress.yaml'), 'kind: ConfigMap\n')
  const without = ['install-k8s', '--set', 'initJob.enabled=false', '--output-dir', join(place, 'k8s')]
  t.match(await cli(without), { exitCode: 0, stderr: 'init-job.yaml removed' })
  const refused = ['install-k8s', '--set', 'ingress.enabled=true,replicas=9', '--output-dir', join(place, 'k8s')]
  t.match(await cli(refused), { exitCode: 2, stdout: '', stderr: /k8s\/ingress.yaml: not written by install-k8s/ })
  t.equal(readFileSync(join(place, 'k8s/ingress.yaml'), 'utf8'), 'kind: ConfigMap\n', 'what is somebody else’s stays')
  t.match(readFileSync(join(place, 'k8s/statefulset.yaml'), 'utf8'), 'replicas: 2', 'and nothing else is written')
})

t.test('install-k8s refuses what it does not know, and prints nothing', async t => {
  const place = t.testdir()
  const cli = cliFor(place)
  const wrong = await cli(['install-k8s', '--set', 'keda.enable=true'])
  t.match(wrong, { exitCode: 2, stdout: '', stderr: 'did you mean keda.enabled? [invalid_values]' })
  t.match(await cli(['install-k8s', '--name', 'A_b']), { exitCode: 2, stdout: '' })
  t.match(await cli(['install-k8s', '--name', '1st']), { exitCode: 2, stdout: '', stderr: '[invalid_values]' })
  t.match(await cli(['install-k8s', '-f', '/nowhere.yaml']), { exitCode: 2, stdout: '', stderr: '/nowhere.yaml' })
  const file = join(place, 'file')
  writeFileSync(file, '')
  t.match(await cli(['install-k8s', '--output-dir', file]), {
    exitCode: 1,
    stderr: /file cannot be written: there is something else in its place\. \[storage_failed\]/,
  })
  t.match(await cli(['install-k8s', '--output-dir', '/proc/x/y']), { exitCode: 1, stderr: '[storage_failed]' })
  writeFileSync(join(place, 'latin.yaml'), Buffer.from('podLabels: {a: \xe4}', 'latin1'))
  const latin = await cli(['install-k8s', '-f', join(place, 'latin.yaml')])
  t.match(latin, { exitCode: 2, stdout: '', stderr: /latin.yaml cannot be read: .*utf-8/i })
  t.match(await cli(['install-k8s', '--apply'], { env: { PATH: '/nowhere' } }), {
    exitCode: 1,
    stderr: '[kubectl_failed]',
  })
})

t.test('init-shared-fs makes what is missing, once, and deletes nothing', async t => {
  const place = t.testdir({ shared: { repos: { '0123456789ab': { repo: { '.git': { HEAD: 'x' } } } } } })
  const root = join(place, 'shared')
  const cli = cliFor(place)
  const first = await cli(['init-shared-fs', '--shared-root', root])
  t.match(first, {
    exitCode: 0,
    stdout: /profiles {2}made\n.*repos {2}there\n[\s\S]*repo {2}moved aside, to .*\.foreign-/,
  })
  const [aside = ''] = readdirSync(join(root, 'repos/0123456789ab'))
  t.equal(readFileSync(join(root, 'repos/0123456789ab', aside, '.git/HEAD'), 'utf8'), 'x')
  const again = await cli(['init-shared-fs'], { env: { AGENTICORE_SHARED_FS_ROOT: root } })
  t.equal(again.exitCode, 0)
  t.notMatch(again.stdout, /made|moved/)
  t.equal(statSync(join(root, 'jobs')).mode & 0o777, 0o711)
  t.equal(statSync(join(root, 'job-state')).mode & 0o777, 0o700)
})

t.test('a link that leads nowhere is no cache of ours either', async t => {
  const root = join(t.testdir(), 'shared')
  const cache = join(root, 'repos/0123456789ab')
  mkdirSync(cache, { recursive: true })
  symlinkSync('/nowhere', join(cache, 'repo'))
  const laid = await layOut({ root, reposRoot: join(root, 'repos'), jobsDir: join(root, 'job-state') })
  const [moved] = laid.filter(({ was }) => was === 'moved aside')
  t.match(moved, { place: join(cache, 'repo') })
  t.equal(readlinkSync(join(cache, readdirSync(cache)[0] ?? '')), '/nowhere')
})

t.test('any number may lay a volume out at once', async t => {
  const root = join(t.testdir(), 'shared')
  const places = { root, reposRoot: join(root, 'repos'), jobsDir: join(root, 'job-state') }
  mkdirSync(join(root, 'repos/0123456789ab/repo/.git'), { recursive: true })
  const all = (await Promise.all(Array.from({ length: 20 }, () => layOut(places)))).flat()
  t.equal(all.filter(({ was }) => was === 'moved aside').length, 1)
  t.equal(readdirSync(join(root, 'repos/0123456789ab')).length, 1)
  for (const name of ['profiles', 'jobs', 'job-state/active']) t.ok(existsSync(join(root, name)), name)
})

t.test('what cannot be laid out is named, with whose it is', async t => {
  const place = t.testdir()
  const cli = cliFor(place)
  const root = join(place, 'shared')
  mkdirSync(root)
  writeFileSync(join(root, 'jobs'), 'mine')
  const refused = await cli(['init-shared-fs', '--shared-root', root])
  t.match(refused, { exitCode: 1, stderr: `${root}/jobs cannot be used` })
  t.match(refused.stderr, '[shared_fs_unusable]')
  t.equal(readFileSync(join(root, 'jobs'), 'utf8'), 'mine')
  t.match(await cli(['init-shared-fs']), { exitCode: 2, stderr: '--shared-root' })
})
