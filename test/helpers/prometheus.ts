const name = '[a-zA-Z_:][a-zA-Z0-9_:]*'
const label = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"'
// A number as Go's ParseFloat takes it, which is not particular about the case of NaN.
const sample = new RegExp(`^(${name})(\\{${label}(?:,${label})*\\})? (-?[0-9.e+-]+|[+-]Inf|NaN|Nan)$`)
const comment = new RegExp(`^# (HELP|TYPE) (${name}) (.+)$`)
const suffix = /_(bucket|sum|count)$/

/** Prometheus' text format, read as strictly as `promtool check metrics` does. */
export interface Exposition {
  /** By name with labels, as they are written. */
  readonly samples: ReadonlyMap<string, number>
  /** By the name of the family. */
  readonly types: ReadonlyMap<string, string>
}

/** @throws Error that names the line that is none, comes twice, or belongs to no family */
export function parseExposition(text: string): Exposition {
  if (!text.endsWith('\n')) throw new Error('no newline at the end')
  const samples = new Map<string, number>()
  const types = new Map<string, string>()
  const helped = new Set<string>()
  for (const line of text.split('\n').filter(Boolean)) {
    const [, kind, family = '', rest = ''] = comment.exec(line) ?? []
    if (kind === 'HELP') add(helped, family)
    else if (kind === 'TYPE') types.set(family, rest)
    else addSample(line, { samples, types, helped })
  }
  return { samples, types }
}

function add(helped: Set<string>, family: string): void {
  if (helped.has(family)) throw new Error(`two HELP lines for ${family}`)
  helped.add(family)
}

function addSample(
  line: string,
  { samples, types, helped }: { samples: Map<string, number>; types: Map<string, string>; helped: Set<string> },
): void {
  const [, series = '', labels = '', value] = sample.exec(line) ?? []
  if (series === '') throw new Error(`no line of the format: ${line}`)
  const family = types.has(series) ? series : series.replace(suffix, '')
  if (!types.has(family) || !helped.has(family)) throw new Error(`no HELP or TYPE before ${line}`)
  if (samples.has(series + labels)) throw new Error(`twice: ${line}`)
  samples.set(series + labels, value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value))
}
