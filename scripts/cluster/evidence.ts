import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Place } from './place.ts'

/** Where somebody looks who wants to know why. */
export const evidence = '/tmp/agenticore-cluster-test'

/** What is left to see when something was not as it should be. */
export async function keepEvidence(place: Place): Promise<void> {
  const pods = (await place.triedKubectl('get', 'pods', '--output=name')).stdout.split('\n').filter(Boolean)
  const looks: readonly (readonly [string, readonly string[]])[] = [
    ['objects.txt', ['get', 'all,pvc,scaledobjects,jobs', '--output=wide']],
    ['pods.yaml', ['get', 'pods', '--output=yaml']],
    ['events.txt', ['get', 'events', '--sort-by=.lastTimestamp']],
    ...pods.map(pod => [`${pod.replace('pod/', '')}.log`, ['logs', pod, '--all-containers', '--tail=-1']] as const),
  ]
  for (const [file, args] of looks) {
    const { stdout, stderr } = await place.triedKubectl(...args)
    keep(place, file, stdout + stderr)
  }
}

/** The log of a pod to its end. */
export async function follow(place: Place, pod: string): Promise<void> {
  const { stdout, stderr } = await place.triedKubectl('logs', '--follow', '--timestamps', pod)
  keep(place, `${pod}-to-its-end.log`, stdout + stderr)
}

function keep({ namespace }: Place, name: string, text: string): void {
  const directory = join(evidence, namespace)
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, name), text)
}
