import { merged } from './merged.ts'
import type { Values } from './values.ts'

/** How many jobs at once, what a pod asks for, what it may use. The specification's table; what lies between two rows takes the next. */
const rows = [
  { jobs: 2, cpu: '1', memory: '2Gi' },
  { jobs: 5, cpu: '2', memory: '3Gi' },
  { jobs: 10, cpu: '4', memory: '4Gi' },
] as const

/** Beyond the table: 0.4 of a processor and 0.4 Gi a job. */
const row = (jobs: number): { cpu: string; memory: string } =>
  rows.find(each => jobs <= each.jobs) ?? { cpu: `${jobs * 400}m`, memory: `${Math.ceil((jobs * 4096) / 10)}Mi` }

/** A Claude Code process takes about 320 MiB, the server less than what is added here. */
const expectedMemory = (jobs: number): string => `${256 + jobs * 320}Mi`

export function resources({ config, resources: given }: Values): object {
  const jobs = config.maxParallelJobs
  const { cpu, memory } = row(jobs)
  const own = { requests: { cpu, memory: expectedMemory(jobs), 'ephemeral-storage': '5Gi' }, limits: { memory } }
  return merged(own, given)
}
