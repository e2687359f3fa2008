/** See scripts/audit. Reads what `npm audit --json` printed. */
import { text } from 'node:stream/consumers'

interface Answer {
  readonly message?: string
  readonly error?: { readonly summary?: string }
  readonly metadata?: { readonly vulnerabilities: { readonly total: number } }
  readonly vulnerabilities?: Readonly<Record<string, { readonly severity: string; readonly range: string }>>
}

function parsed(given: string): Answer {
  try {
    return JSON.parse(given)
  } catch {
    return {}
  }
}

const { message, error, metadata, vulnerabilities = {} } = parsed(await text(process.stdin))
if (!metadata) {
  console.error(`Nothing is known: the registry did not answer (${message ?? error?.summary ?? 'no JSON'}).`)
  process.exitCode = 2
} else {
  for (const [name, { severity, range }] of Object.entries(vulnerabilities))
    console.log(`${severity}\t${name} ${range}`)
  console.log(`${metadata.vulnerabilities.total} known faults`)
  process.exitCode = metadata.vulnerabilities.total > 0 ? 1 : 0
}
