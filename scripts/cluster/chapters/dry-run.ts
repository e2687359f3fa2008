import { byInstallK8s, rawManifests, templated } from '../chart.ts'
import { matrix } from '../matrix.ts'
import type { Outside } from '../outside.ts'
import { inPlace, type Place } from '../place.ts'
import type { Chapter } from '../report.ts'
import { tried } from '../run.ts'

/** `kubectl apply --dry-run=server`: the real API server, its admission and KEDA's look at every rendering. */
export async function dryRun(chapter: Chapter, _outside: Outside): Promise<void> {
  await inPlace(chapter, 'dry-run', {}, async place => {
    await using raw = await rawManifests()
    await accepts(chapter, place, 'raw manifests', ['--filename', raw.directory])
    for (const [name, values] of Object.entries(matrix)) {
      await accepts(chapter, place, `chart, ${name}`, ['--filename=-'], await templated(place, values))
      await accepts(chapter, place, `install-k8s, ${name}`, ['--filename=-'], await byInstallK8s(place, values))
    }
  })
}

async function accepts(
  chapter: Chapter,
  place: Place,
  what: string,
  args: readonly string[],
  input?: string,
): Promise<void> {
  const all = ['--namespace', place.namespace, 'apply', '--dry-run=server', '--validate=strict', ...args]
  const { exitCode, stdout, stderr } = await tried('kubectl', all, input === undefined ? {} : { input })
  const objects = stdout.split('\n').filter(line => line.endsWith('(server dry run)')).length
  // A warning says that Kubernetes passes over something of it.
  const isFine = exitCode === 0 && objects > 0 && !/warning/i.test(stderr)
  chapter.report(`accepted: ${what}`, isFine, isFine ? `${objects} objects` : stderr || stdout)
}
