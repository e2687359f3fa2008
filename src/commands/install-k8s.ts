import { readFile } from 'node:fs/promises'
import { buffer as readAll } from 'node:stream/consumers'
import * as Flags from '@oclif/core/flags'
import { AgenticoreError } from '../api/wire.ts'
import { manifests } from '../kubernetes/manifests.ts'
import { readValues } from '../kubernetes/read-values.ts'
import { toYaml } from '../kubernetes/to-yaml.ts'
import type { Values } from '../kubernetes/values.ts'
import { ValuesError } from '../kubernetes/values-error.ts'
import { messageOf } from '../util/error-code.ts'
import { AgenticoreCommand } from './command.ts'

/** What a release may be called, as Helm has it. */
const releaseName = /^(?=.{1,53}$)[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/
const namespaceName = /^(?=.{1,63}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?$/

export default class InstallK8s extends AgenticoreCommand {
  static override summary = 'Print what a fleet in Kubernetes is made of.'

  static override description =
    `The same objects as the Helm chart makes of the same values, for clusters without Helm. docs/helm-values.md has the
values, docs/kubernetes.md the rest.`

  static override examples = [
    '<%= config.bin %> install-k8s --set storage.className=nfs-client | kubectl apply -f -',
    '<%= config.bin %> install-k8s -f values.yaml --namespace agents --apply',
    '<%= config.bin %> install-k8s --set keda.enabled=true --output-dir k8s',
  ]

  static override flags = {
    set: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      default: [],
      helpValue: 'NAME=VALUE',
      description: 'a value, or several with commas between',
    }),
    values: Flags.string({
      char: 'f',
      multiple: true,
      multipleNonGreedy: true,
      default: [],
      helpValue: 'FILE',
      description: 'a file of values, - for standard input; later ones count more, --set most',
    }),
    namespace: Flags.string({ helpValue: 'NAME', description: "the namespace; without it, that of kubectl's context" }),
    name: Flags.string({
      default: 'agenticore',
      helpValue: 'NAME',
      description: 'the release, from which names are made',
    }),
    'output-dir': Flags.string({
      helpValue: 'DIR',
      description: 'write a file a kind there instead of printing',
      exclusive: ['apply'],
    }),
    apply: Flags.boolean({ description: 'hand them to kubectl' }),
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(InstallK8s)
    const values = await this.#values(flags)
    if (flags.namespace !== undefined && !namespaceName.test(flags.namespace))
      throw new AgenticoreError(
        'invalid_values',
        `--namespace ${flags.namespace}: small letters, digits and -, at most 63.`,
      )
    if (!releaseName.test(flags.name))
      throw new AgenticoreError('invalid_values', `--name ${flags.name}: small letters, digits, - and ., at most 53.`)
    if (values.keda.enabled && flags.namespace === undefined && /^[^.:]+:/.test(values.keda.redisAddress))
      this.say(
        `Warning: KEDA looks for ${values.keda.redisAddress} in its own namespace. Give --namespace, or keda.redisAddress with a dot.`,
      )
    const files = orRefused(() => manifests({ name: flags.name, namespace: flags.namespace, values }))
    if (flags['output-dir'] !== undefined) {
      const { writeManifests } = await import('../manifest-files.ts')
      return await writeManifests(flags['output-dir'], files, line => this.say(line))
    }
    const yaml = toYaml([...files.values()].flat())
    if (flags.apply) {
      const { applyManifests } = await import('../kubectl.ts')
      await applyManifests(yaml, line => this.print(line))
    } else this.print(yaml.trimEnd())
  }

  async #values({ set: sets, values: paths }: { set: string[]; values: string[] }): Promise<Values> {
    const files = await Promise.all(paths.map(async name => ({ name, text: await read(name) })))
    return orRefused(() => readValues({ files, sets }))
  }
}

/** @throws AgenticoreError `invalid_values` */
function orRefused<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof ValuesError) throw new AgenticoreError('invalid_values', error.message, { cause: error })
    throw error
  }
}

async function read(name: string): Promise<string> {
  try {
    const bytes = name === '-' ? await readAll(process.stdin) : await readFile(name)
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new AgenticoreError('invalid_values', `${name} cannot be read: ${messageOf(cause)}.`, { cause })
  }
}
