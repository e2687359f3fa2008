import t from 'tap'
import { manifests } from './manifests.ts'
import { readValues } from './read-values.ts'
import { setInto, type Tree } from './set-flag.ts'
import { toYaml } from './to-yaml.ts'

const set = (...texts: string[]): Tree => {
  const tree: Tree = {}
  for (const text of texts) setInto(tree, text)
  return tree
}

t.test('--set reads what Helm reads', async t => {
  t.same(set('a=1,b.c=x'), { a: 1, b: { c: 'x' } })
  t.same(set('a=true,b=null,c=,d=007,e=-3'), { a: true, b: null, c: '', d: '007', e: -3 })
  t.same(set('a={x,1,true}'), { a: ['x', 1, true] })
  t.same(set('a={}'), { a: [''] })
  t.same(set('a={x},b=1'), { a: ['x'], b: 1 })
  t.same(set('a[0].b=1,a[0].c=2', 'a[1].b=3'), { a: [{ b: 1, c: 2 }, { b: 3 }] })
  t.same(set('a\\.b=1\\,2,c=d=e'), { 'a.b': '1,2', c: 'd=e' })
  t.throws(() => set('a=1', 'a.b=2'), { message: '--set a.b=2: a is no group of values.' })
  t.throws(() => set('a=x', 'a[0]=2'), { message: '--set a[0]=2: a is no list.' })
  t.throws(() => set('a=9007199254740992'), { message: /more than a number may be/ })
  const tree = set('__proto__.x=1')
  t.equal(Object.keys(tree)[0], '__proto__')
  t.equal('x' in {}, false)
})

t.test('--set says what it cannot read', async t => {
  for (const text of ['a', '=1', 'a={x', 'a[b]=1', 'a[-1]=1', 'a[99999]=1', 'a={x}y=1', '.=1'])
    t.throws(() => set(text), { name: 'ValuesError', message: text }, text)
})

const refused = (sets: string[], ...texts: string[]): string => {
  try {
    readValues({ sets, files: texts.map(text => ({ name: 'v.yaml', text })) })
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  return 'taken'
}

t.test('a value that there is not is an error that names the nearest', async t => {
  t.equal(refused(['keda.enable=true']), 'There is no value keda.enable, did you mean keda.enabled?')
  t.equal(refused(['replica=3']), 'There is no value replica, did you mean replicas?')
  t.equal(refused(['maxParallelJobs=3']), 'There is no value maxParallelJobs, did you mean config.maxParallelJobs?')
  t.equal(refused(['xyzzy=3']), 'There is no value xyzzy.')
  t.match(refused(['config.port=x']), /^config\.port: /)
  t.match(refused([], 'config: 3'), /^config: /)
  t.match(refused([], '- a'), 'v.yaml has to be keys with values')
  t.match(refused([], 'a: [b'), 'v.yaml, line 1: Flow sequence')
  t.match(refused([], 'replicas: 1\nreplicas: 2'), 'v.yaml, line 2: Map keys must be unique.')
  t.match(refused([], 'replicas: 1\n---\nreplicas: 2'), 'v.yaml, line 2: A second document begins here.')
  t.match(refused([], 'replicas: .inf'), 'v.yaml, line 1: .inf is no number of JSON.')
  t.match(refused([], 'image: {tag: *x}'), 'v.yaml cannot be read: Unresolved alias')
  t.match(refused([], 'podLabels: &p {x: *p}'), 'v.yaml cannot be read: something in it holds itself.')
  t.match(refused([], 'nodeSelector:\n  on: x'), 'v.yaml, line 2: on is a name that YAML takes for true: quote it.')
  t.equal(refused([], 'nodeSelector: {"on": x, 1: x}'), 'taken')
  t.match(refused([], 'podLabels: {a: z, <<: {a: b}}'), 'v.yaml, line 1: << has to be the first of its keys.')
  t.match(
    refused(['image.tag=true']),
    'image.tag: expected string, received boolean, or expected number, received boolean.',
  )
  t.match(refused(['keda.minReplicas=11']), 'keda.minReplicas is more than keda.maxReplicas')
  t.match(refused(['drain.timeoutSeconds=290']), 'drain.gracePeriodSeconds has to be 30 more')
})

t.test('files are laid over each other, --set over them', async t => {
  const files = ['replicas: 3\nnodeSelector: {a: x, b: z}', 'nodeSelector: {a: w}\nconfig: {port: 1}'].map(text => ({
    name: 'v.yaml',
    text,
  }))
  const values = readValues({ files, sets: ['config.port=9000'] })
  t.equal(values.replicas, 3)
  t.same(values.nodeSelector, { a: 'w', b: 'z' })
  t.equal(values.config.port, 9000)
})

t.test('null is no value, wherever it stands', async t => {
  const file = 'replicas: null\nextraVolumes: [{name: a, configMap: null}]'
  const refusal = {
    message: 'replicas: null is no value. Leave it out.\nextraVolumes.0.configMap: null is no value. Leave it out.',
  }
  t.throws(() => readValues({ files: [{ name: 'v.yaml', text: file }] }), refusal)
})

t.test('words that kubectl would take for something else than text are quoted', async t => {
  const annotations = { a: 'off', b: 'y', c: '012', d: '0o14', e: '0x1F', f: '1_000', g: 'text' }
  const yaml = toYaml([{ apiVersion: 'v1', kind: 'X', metadata: { name: 'x', annotations } }])
  t.same(yaml.match(/"[^"]+"/g), ['"off"', '"y"', '"012"', '"0o14"', '"0x1F"', '"1_000"'])
  t.match(yaml, / g: text\n/)
})

t.test('what a pod may use follows from how many jobs it runs', async t => {
  const used = (jobs: number): object => {
    const values = readValues({ sets: [`config.maxParallelJobs=${jobs}`] })
    const yaml = toYaml(manifests({ name: 'agenticore', values }).get('statefulset.yaml') ?? [])
    const [, cpu, memory] = /requests:\n +cpu: "?([^"\n]+)"?\n[\s\S]*limits:\n +memory: (\S+)\n/.exec(yaml) ?? []
    return { cpu, memory }
  }
  t.same([1, 2, 3, 5, 6, 10, 11].map(used), [
    { cpu: '1', memory: '2Gi' },
    { cpu: '1', memory: '2Gi' },
    { cpu: '2', memory: '3Gi' },
    { cpu: '2', memory: '3Gi' },
    { cpu: '4', memory: '4Gi' },
    { cpu: '4', memory: '4Gi' },
    { cpu: '4400m', memory: '4506Mi' },
  ])
})

t.test("no pod but a server's is found as one", async t => {
  const values = readValues({})
  const [job] = manifests({ name: 'agenticore', values }).get('init-job.yaml') ?? []
  t.notMatch(JSON.stringify(job), '"app":"agenticore"')
  t.notMatch(JSON.stringify(job), '"app.kubernetes.io/name":"agenticore"')
})

t.test('another lay-out Job is another Job, the same one is the same', async t => {
  const name = (sets: string[]): string | undefined =>
    manifests({ name: 'agenticore', values: readValues({ sets }) }).get('init-job.yaml')?.[0]?.metadata.name
  t.equal(name([]), name(['replicas=7']))
  t.not(name([]), name(['image.tag=2']))
})
