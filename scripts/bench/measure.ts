import { availableParallelism, loadavg } from 'node:os'

/** Something to time: called once a round. @returns milliseconds, if it measures itself; else its whole call is timed */
export interface Candidate {
  readonly name: string
  run(): Promise<number | undefined>
}

export interface Figures {
  readonly name: string
  readonly min: number
  readonly median: number
  readonly p90: number
  readonly p99: number
  readonly max: number
}

/** Times the candidates in turns (a b c a b c …), so that whatever else the machine does falls on all of them. */
export async function interleave(candidates: readonly Candidate[], rounds: number, warmUp = 3): Promise<Figures[]> {
  const times = candidates.map((): number[] => [])
  for (let round = -warmUp; round < rounds; round++) {
    for (const [index, candidate] of candidates.entries()) {
      const started = performance.now()
      const own = await candidate.run()
      if (round >= 0) times[index]?.push(own ?? performance.now() - started)
    }
  }
  return candidates.map(({ name }, index) => figures(name, times[index] ?? []))
}

export function figures(name: string, times: readonly number[]): Figures {
  const sorted = [...times].sort((a, b) => a - b)
  const at = (part: number): number => sorted[Math.floor(part * (sorted.length - 1))] ?? Number.NaN
  return { name, min: at(0), median: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) }
}

export const conditions = (): string =>
  `${availableParallelism()} cores, Node ${process.versions.node}, load ${loadavg()[0]?.toFixed(1)}, ${new Date().toISOString().slice(0, 10)}`

/** @param digits after the point */
export function report(rows: readonly Figures[], note: (row: Figures) => string, digits = 0): string {
  const cells = rows.map(row => [row.name, ...[row.min, row.median, row.p90].map(ms => ms.toFixed(digits)), note(row)])
  const all = [['', 'min ms', 'median', 'p90', ''], ...cells]
  const widths = [0, 1, 2, 3, 4].map(column => Math.max(...all.map(row => row[column]?.length ?? 0)))
  return all
    .map(row =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** `--rounds N` on the command line, or the default. */
export function roundsFrom(args: readonly string[], fallback: number): number {
  const given = args[args.indexOf('--rounds') + 1]
  return args.includes('--rounds') && given ? Number(given) : fallback
}
