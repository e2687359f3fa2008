import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'

const src = join(import.meta.dirname, '..')
/** `import … from 'x'` and `export … from 'x'` that are there when the program runs; no `import('x')`. */
const statically = /^(?:import|export) (?!type )(?:[^'"]*? from )?'([^']+)'/gm

/** What is loaded before the first line of `file` runs: our own files, and packages by name. */
function loadedBy(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen
  seen.add(file)
  for (const [, name = ''] of readFileSync(file, 'utf8').matchAll(statically)) {
    if (name.startsWith('.')) loadedBy(join(dirname(file), name), seen)
    else seen.add(name)
  }
  return seen
}

t.test('no command pays for telemetry: only the daemon loads it', t => {
  const commands = readdirSync(join(src, 'commands')).filter(name => name.endsWith('.ts'))
  const roots = ['main.ts', 'app.ts', 'parts.ts', 'foreground.ts', ...commands.map(name => join('commands', name))]
  const loaded = roots.flatMap(root => [...loadedBy(join(src, root))])
  t.ok(loaded.includes(join(src, 'jobs/measures.ts')))
  t.ok(loaded.includes('execa'))
  t.strictSame(
    loaded.filter(name => /prom-client|@opentelemetry|src\/telemetry/.test(name)),
    [],
  )
  t.end()
})

t.test('of the ways to send traces only the one that is used is loaded', t => {
  const loaded = [...loadedBy(join(src, 'telemetry/otel.ts'))]
  t.ok(loaded.includes('@opentelemetry/sdk-trace'))
  t.strictSame(
    loaded.filter(name => name.startsWith('@opentelemetry/exporter')),
    [],
  )
  t.end()
})
