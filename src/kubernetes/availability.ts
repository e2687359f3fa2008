import {
  fullName,
  helperLabels,
  type KubernetesObject,
  named,
  objectLabels,
  type Release,
  selectorLabels,
  unlessEmpty,
} from './release.ts'

export function disruptionBudget(release: Release): KubernetesObject[] {
  const { enabled, maxUnavailable } = release.values.podDisruptionBudget
  if (!enabled) return []
  return [
    {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: named(release, fullName(release), objectLabels(release)),
      // One that cannot get ready runs nothing that would be lost.
      spec: {
        maxUnavailable,
        unhealthyPodEvictionPolicy: 'AlwaysAllow',
        selector: { matchLabels: selectorLabels(release) },
      },
    },
  ]
}

/** Where clouds give the role of a node or a pod to whoever asks: most of them; ECS, EKS; Azure's host; Alibaba. */
const metadataServices = {
  4: ['169.254.169.254/32', '169.254.170.2/32', '169.254.170.23/32', '168.63.129.16/32', '100.100.100.200/32'],
  6: ['fd00:ec2::254/128', 'fd00:ec2::23/128'],
}

/** With those who may come in comes the Pod of `helm test`. */
const callers = (release: Release): object[] => {
  const { from } = release.values.networkPolicy
  return from.length === 0 ? [] : [...from, { podSelector: { matchLabels: helperLabels(release, 'first-job') } }]
}

/** Pods are reached by their port alone, and reach everything but what would tell an agent the node's secrets. */
export function networkPolicy(release: Release): KubernetesObject[] {
  if (!release.values.networkPolicy.enabled) return []
  return [
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: named(release, fullName(release), objectLabels(release)),
      spec: {
        podSelector: { matchLabels: selectorLabels(release) },
        policyTypes: ['Ingress', 'Egress'],
        ingress: [{ ports: [{ port: 'http', protocol: 'TCP' }], ...unlessEmpty('from', callers(release)) }],
        egress: [
          {
            to: [
              { namespaceSelector: {} },
              { ipBlock: { cidr: '0.0.0.0/0', except: metadataServices[4] } },
              { ipBlock: { cidr: '::/0', except: metadataServices[6] } },
            ],
          },
        ],
      },
    },
  ]
}
