import {
  fullName,
  type KubernetesObject,
  named,
  objectLabels,
  type Release,
  selectorLabels,
  unlessEmpty,
} from './release.ts'

export const headlessName = (release: Release): string => `${fullName(release)}-headless`

const httpPort = (port: number): object => ({ name: 'http', port, targetPort: 'http', protocol: 'TCP' })

/** For clients: pods that are ready. */
export function service(release: Release): KubernetesObject {
  const { type, port, annotations, loadBalancerSourceRanges } = release.values.service
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: named(release, fullName(release), objectLabels(release), unlessEmpty('annotations', annotations)),
    spec: {
      type,
      ...unlessEmpty('loadBalancerSourceRanges', loadBalancerSourceRanges),
      selector: selectorLabels(release),
      ports: [httpPort(port)],
    },
  }
}

/** A name in DNS for each pod, ready or not. */
export const headlessService = (release: Release): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: named(release, headlessName(release), objectLabels(release)),
  spec: {
    clusterIP: 'None',
    publishNotReadyAddresses: true,
    selector: selectorLabels(release),
    ports: [httpPort(release.values.config.port)],
  },
})

export function ingress(release: Release): KubernetesObject[] {
  const { enabled, className, annotations, host, tls } = release.values.ingress
  if (!enabled) return []
  const backend = { service: { name: fullName(release), port: { name: 'http' } } }
  return [
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: named(release, fullName(release), objectLabels(release), unlessEmpty('annotations', annotations)),
      spec: {
        ...unlessEmpty('ingressClassName', className),
        rules: [{ host, http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }],
        ...unlessEmpty('tls', tls),
      },
    },
  ]
}
