/** See scripts/sbom: what is in the bundle, by what esbuild put there; what an image has beside it is added. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { bundled, type Component, component, document, type Named } from './bill.ts'

const root = join(import.meta.dirname, '..')
const [image] = process.argv.slice(2)
const engine = process.env.ENGINE ?? 'docker'

const read = (name: string) => JSON.parse(readFileSync(join(root, name), 'utf8'))

/** Lines of a name, a version and what is known of the licence, with tabs between. */
async function inImage(...command: readonly string[]): Promise<Named[]> {
  const [program = '', ...args] = command
  const run = ['run', '--rm', '--network', 'none', '--entrypoint', program, image ?? '', ...args]
  const { stdout } = await execa(engine, run, { stderr: 'inherit' })
  const rows = stdout
    .trim()
    .split('\n')
    .map(line => line.split('\t').map(cell => cell.trim()))
  return rows.map(([name = '', version = '', licence]) => ({ name, version, licence }))
}

// Copyright files that follow Debian's format have a line a licence.
const debian = `dpkg-query -W -f '\${Package}\\t\${Version}\\n' | while IFS='	' read -r name version; do
  licences=$(sed -n 's/^License: *//p' "/usr/share/doc/$name/copyright" 2>/dev/null | sort -u | paste -sd, | sed 's/,/, /g')
  printf '%s\\t%s\\t%s\\n' "$name" "$version" "$licences"
done`

const python = `import importlib.metadata
for d in importlib.metadata.distributions():
    m = d.metadata
    classifiers = [c.split(" :: ")[-1] for c in m.get_all("Classifier") or [] if c.startswith("License ::")]
    licence = m.get("License-Expression") or ", ".join(classifiers) or (m.get("License") or "").split("\\n")[0][:100]
    print(m["Name"], d.version, licence, sep="\\t")`

async function ofImage(): Promise<Component[]> {
  const versions = 'printf "node\\t%s\\tMIT\\n" "$(node --version)"; printf "claude\\t%s\\n" "$(claude --version)"'
  const [node, claude] = await inImage('sh', '-c', versions)
  const claudeVersion = claude?.version.split(' ')[0] ?? ''
  const terms = 'Anthropic, see LICENSE.md in /usr/share/licenses/claude-code'
  return [
    ...(await inImage('sh', '-c', debian)).map(each => component('library', 'deb/debian', each)),
    ...(await inImage('/opt/agentihooks/bin/python', '-c', python)).map(each => component('library', 'pypi', each)),
    component('application', 'generic', {
      name: 'node',
      version: node?.version.slice(1) ?? '',
      licence: node?.licence,
    }),
    component('application', 'npm', { name: '@anthropic-ai/claude-code', version: claudeVersion, licence: terms }),
  ]
}

const { name, version, license: licence } = read('package.json')
const inBundle = bundled(read('dist/third-party.json'), read('package-lock.json'))
const all = [...inBundle, ...(image === undefined ? [] : await ofImage())]
console.log(JSON.stringify(document({ name, version, licence }, all), null, 2))
