/** Writes down what helm makes of the chart, for machines where there is no helm (test/integration/chart.test.ts). */
import { writeFileSync } from 'node:fs'
import { chartDigest, digestOf, helmObjects, helmVersion, recordedFile } from '../test/helpers/chart.ts'
import { chartCases } from '../test/helpers/chart-cases.ts'

const helm = await helmVersion()
if (helm === undefined) throw new Error('There is no helm on the PATH.')
const renderings: Record<string, string> = {}
for (const [name, given] of Object.entries(chartCases)) renderings[name] = digestOf(await helmObjects(given))
writeFileSync(recordedFile, `${JSON.stringify({ helm, chart: chartDigest(), renderings }, null, 2)}\n`)
