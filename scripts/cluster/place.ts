/** A namespace with what agenticore needs in it: Redis, the Secret, a company's CA. */
import { keepEvidence } from './evidence.ts'
import { certificate } from './front.ts'
import { redisObjects, sentinelObjects } from './redis.ts'
import type { Chapter } from './report.ts'
import { type Ran, ran, tried } from './run.ts'
import { apiKey, secretArgs } from './secret.ts'

export interface PlaceWish {
  /** Of Redis; none unless told. */
  readonly password?: string
  /** Whether what Redis holds outlives its pod; yes unless told. */
  readonly redisIsKept?: boolean
  /** Whether Redis is found by a Sentinel, which the Secret's URL alone says. */
  readonly isBySentinel?: boolean
  /** Whether callers need one; otherwise the Secret has what the seed's command puts in, and no more. */
  readonly hasApiKey?: boolean
  /** Pod Security's standard. */
  readonly standard?: 'restricted'
}

/** As whom the root of a server's container becomes to get at what is on the volume. */
export const asServer = 'setpriv --reuid 1000 --regid 1000 --clear-groups'

const label = 'agenticore.test/place'
/** In the names: what the HPA has seen of one of that name within its window, it heeds for the next. */
const run = crypto.randomUUID().slice(0, 4)

/** A namespace for `work`, which goes with it; what `work` throws is a promise not kept, and the chapter goes on. */
export async function inPlace(
  chapter: Chapter,
  name: string,
  wish: PlaceWish,
  work: (place: Place) => Promise<void>,
): Promise<void> {
  const failedBefore = chapter.failed
  const place = await Place.make(name, wish)
  try {
    await work(place)
  } catch (error) {
    chapter.report(`${name} comes to its end`, false, error instanceof Error ? error.message : error)
  }
  if (chapter.failed > failedBefore) await keepEvidence(place)
  await place.remove()
}

export class Place {
  readonly namespace: string
  readonly wish: PlaceWish
  #hasApiKey: boolean

  private constructor(namespace: string, wish: PlaceWish) {
    this.namespace = namespace
    this.wish = wish
    this.#hasApiKey = wish.hasApiKey ?? false
  }

  static async make(name: string, wish: PlaceWish = {}): Promise<Place> {
    // That an earlier run may have left.
    const selector = `${label}=${name}`
    const old = await ran('kubectl', [
      'get',
      'namespaces',
      `--selector=${selector}`,
      '--output=jsonpath={.items[*].metadata.name}',
    ])
    for (const namespace of old.split(' ').filter(Boolean)) await new Place(namespace, {}).remove()
    const place = new Place(`test-${name}-${run}`, wish)
    await ran('kubectl', ['create', 'namespace', place.namespace])
    await ran('kubectl', ['label', 'namespace', place.namespace, selector])
    if (wish.standard) {
      await ran('kubectl', [
        'label',
        'namespace',
        place.namespace,
        `pod-security.kubernetes.io/enforce=${wish.standard}`,
      ])
    }
    await place.kubectl('create', 'secret', 'generic', 'agenticore-secrets', ...secretArgs(wish))
    await place.apply(...redisObjects({ ...wish, isKept: wish.redisIsKept ?? true }))
    await place.kubectl('create', 'configmap', 'company-ca', `--from-literal=ca.pem=${certificate}`)
    await place.kubectl('rollout', 'status', 'statefulset/redis', '--timeout=120s')
    if (wish.isBySentinel) {
      await place.apply(...sentinelObjects(place.namespace, wish.password))
      await place.kubectl('rollout', 'status', 'deployment/sentinel', '--timeout=120s')
    }
    return place
  }

  /** Where its Service answers, from anywhere in the cluster's network. */
  get url(): string {
    return `http://agenticore.${this.namespace}.svc.cluster.local:8200`
  }

  /** Where one pod answers. */
  urlOf(ordinal: number): string {
    return `http://agenticore-${ordinal}.agenticore-headless.${this.namespace}.svc.cluster.local:8200`
  }

  /** What callers have to send; undefined: nothing. */
  get apiKey(): string | undefined {
    return this.#hasApiKey ? apiKey : undefined
  }

  get headers(): Record<string, string> {
    return this.apiKey === undefined ? {} : { 'x-api-key': this.apiKey }
  }

  /** As the chart's notes say, for who has installed without keys. */
  async addApiKey(): Promise<void> {
    await this.kubectl(
      'patch',
      'secret',
      'agenticore-secrets',
      '-p',
      JSON.stringify({ stringData: { 'api-keys': apiKey } }),
    )
    await this.kubectl('rollout', 'restart', 'statefulset/agenticore')
    await this.kubectl('rollout', 'status', 'statefulset/agenticore', '--timeout=300s')
    this.#hasApiKey = true
  }

  kubectl(...args: readonly string[]): Promise<string> {
    return ran('kubectl', ['--namespace', this.namespace, ...args])
  }

  triedKubectl(...args: readonly string[]): Promise<Ran> {
    return tried('kubectl', ['--namespace', this.namespace, ...args])
  }

  helm(...args: readonly string[]): Promise<string> {
    return ran('helm', ['--namespace', this.namespace, ...args])
  }

  async get<T = unknown>(...args: readonly string[]): Promise<T> {
    return JSON.parse(await this.kubectl('get', ...args, '--output=json'))
  }

  /** One field of one object, by kubectl's path to it. */
  field(object: string, path: string): Promise<string> {
    return this.kubectl('get', object, `--output=jsonpath={${path}}`)
  }

  async apply(...objects: readonly object[]): Promise<void> {
    const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects })
    await ran('kubectl', ['--namespace', this.namespace, 'apply', '--filename=-'], { input: list })
  }

  /** In the container of a pod, as whoever the container runs as. */
  exec(pod: string, script: string): Promise<string> {
    return this.kubectl('exec', pod, '--', 'sh', '-c', script)
  }

  /** The same as the server's user. */
  execAsServer(pod: string, script: string): Promise<string> {
    return this.kubectl('exec', pod, '--', ...asServer.split(' '), 'sh', '-c', script)
  }

  async redis(...args: readonly string[]): Promise<string> {
    const { password } = this.wish
    const secret = password === undefined ? [] : ['--no-auth-warning', '-a', password]
    return (await this.kubectl('exec', 'redis-0', '--', 'redis-cli', ...secret, ...args)).trim()
  }

  /** Agents that still run are not waited for. */
  async remove(): Promise<void> {
    await this.triedKubectl('delete', 'scaledobjects', '--all', '--wait=false')
    await this.triedKubectl('delete', 'statefulsets', '--all', '--cascade=orphan')
    await this.triedKubectl('delete', 'pods', '--all', '--force', '--grace-period=0', '--wait=false')
    await tried('kubectl', ['delete', 'namespace', this.namespace, '--wait=false'])
  }
}
