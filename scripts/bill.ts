/** A CycloneDX bill of materials. */
import type { ThirdParty } from './third-party.ts'

export interface Component {
  readonly type: 'application' | 'library'
  readonly name: string
  readonly version: string
  readonly purl: string
  readonly 'bom-ref': string
  readonly licenses?: readonly { readonly license: { readonly name: string } }[]
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[]
}

export interface Named {
  readonly name: string
  readonly version: string
  /** Unknown when it is not there, or empty. */
  readonly licence?: string | undefined
}

export function component(type: Component['type'], kind: string, { name, version, licence = '' }: Named): Component {
  const purl = `pkg:${kind}/${name.split('/').map(encodeURIComponent).join('/')}@${encodeURIComponent(version)}`
  const licenses = licence === '' ? {} : { licenses: [{ license: { name: licence } }] }
  return { type, name, version, purl, 'bom-ref': purl, ...licenses }
}

/** As package-lock.json has it. */
interface Lock {
  readonly packages: Readonly<Record<string, { readonly version?: string; readonly integrity?: string }>>
}

/** What the bundle is made of: what esbuild found in it, with the hashes of the lock. */
export const bundled = (
  parties: readonly Pick<ThirdParty, 'name' | 'version' | 'licence'>[],
  lock: Lock,
): Component[] => parties.map(party => ({ ...component('library', 'npm', party), ...hashOf(party, lock) }))

function hashOf({ name, version }: Named, { packages }: Lock): Pick<Component, 'hashes'> {
  const places = Object.entries(packages).filter(([place]) => place.endsWith(`node_modules/${name}`))
  const [, content] =
    /^sha512-(.+)$/.exec(places.find(([, each]) => each.version === version)?.[1].integrity ?? '') ?? []
  if (content === undefined) return {}
  return { hashes: [{ alg: 'SHA-512', content: Buffer.from(content, 'base64').toString('hex') }] }
}

export const document = (product: Named, components: readonly Component[]) => ({
  $schema: 'http://cyclonedx.org/schema/bom-1.5.schema.json',
  bomFormat: 'CycloneDX',
  specVersion: '1.5',
  serialNumber: `urn:uuid:${crypto.randomUUID()}`,
  version: 1,
  metadata: { timestamp: new Date().toISOString(), component: component('application', 'npm', product) },
  components,
})
