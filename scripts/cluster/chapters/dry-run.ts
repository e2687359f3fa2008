import { chartCases } from '../../../test/helpers/chart-cases.ts'
import { printed, rawManifests, templated } from '../chart.ts'
import type { Outside } from '../outside.ts'
import { inPlace, type Place } from '../place.ts'
import type { Chapter } from '../report.ts'
import { tried } from '../run.ts'

/** `kubectl apply --dry-run=server`: the real API server, its admission and KEDA's look at every rendering. */
export async function dryRun(chapter: Chapter, _outside: Outside): Promise<void> {
  await inPlace(chapter, 'dry-run', {}, async place => {
    await using raw = await rawManifests()
    await accepts(chapter, place, 'raw manifests', ['--filename', raw.directory])
    for (const [name, given] of Object.entries(chartCases)) {
      await accepts(chapter, place, `chart, ${name}`, ['--filename=-'], await templated(place, given))
      await accepts(chapter, place, `install-k8s, ${name}`, ['--filename=-'], await printed(place, given))
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
  const isFine = exitCode === 0 && objects > 0
  const warnings = stderr.split('\n').filter(line => line.startsWith('Warning: '))
  chapter.report(
    `accepted: ${what}`,
    isFine,
    isFine ? [`${objects} objects`, ...warnings].join('; ') : stderr || stdout,
  )
}
