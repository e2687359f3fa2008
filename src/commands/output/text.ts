import { printable } from '../../util/printable.ts'

const plainWidth = 120

/** Columns of a terminal; a reasonable number for what is none. */
export const widthOf = (stream: { readonly isTTY?: boolean; readonly columns?: number }): number =>
  (stream.isTTY && stream.columns) || plainWidth

/** `14:02:11` of a time in RFC 3339, where the reader is. */
export const clockTime = (time: string): string => new Date(time).toTimeString().slice(0, 8)

/** `3 files`, `1 file`. */
export const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

/** `850 ms`, `42 s`, `3 min 5 s`, `2 h 10 min`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  const seconds = Math.round(ms / 1000)
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`
}

export const dollars = (usd: number): string => `$${usd.toFixed(usd < 1 ? 4 : 2)}`

export const shortSha = (sha: string): string => sha.slice(0, 8)

/** Rows under headings, columns as wide as their widest cell; the last one is cut at `width`. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[], width: number): string {
  const all = [headings, ...rows].map(row => row.map(cell => printable(cell).replace(/\s+/g, ' ')))
  const widths = headings.map((_, column) => Math.max(...all.map(row => row[column]?.length ?? 0)))
  return all
    .map(row =>
      clip(
        row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd(),
        width,
      ),
    )
    .join('\n')
}

const clip = (line: string, width: number): string => (line.length > width ? `${line.slice(0, width - 1)}…` : line)

/** Where nobody's terminal would break the lines, none is cut. */
export const tableWidth = ({ columns }: { readonly columns?: number }): number => columns || 100_000
