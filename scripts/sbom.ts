/** See scripts/sbom. npm writes the document; what an image has beside npm packages is added to it. */
import { join } from 'node:path'
import { execa } from 'execa'

const root = join(import.meta.dirname, '..')
const [image] = process.argv.slice(2)
const engine = process.env.ENGINE ?? 'docker'

interface Component {
  readonly type: 'application' | 'library'
  readonly name: string
  readonly version: string
  readonly purl: string
  readonly 'bom-ref': string
}

function component(type: Component['type'], kind: string, [name = '', version = '']: readonly string[]): Component {
  const purl = `pkg:${kind}/${name.split('/').map(encodeURIComponent).join('/')}@${encodeURIComponent(version)}`
  return { type, name, version, purl, 'bom-ref': purl }
}

/** Lines of a name and a version each. */
async function inImage(...command: readonly string[]): Promise<string[][]> {
  const [program = '', ...args] = command
  const run = ['run', '--rm', '--network', 'none', '--entrypoint', program, image ?? '', ...args]
  const { stdout } = await execa(engine, run, { stderr: 'ignore' })
  return stdout
    .trim()
    .split('\n')
    .map(line => line.trim().split(/\s+/))
}

const python = `import importlib.metadata as m
for d in m.distributions(): print(d.name, d.version)`

async function ofImage(): Promise<Component[]> {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: as dpkg-query takes it
  const debian = await inImage('dpkg-query', '-W', '-f', '${Package} ${Version}\\n')
  const libraries = await inImage('/opt/agentihooks/bin/python', '-c', python)
  const [[node = '']] = [...(await inImage('node', '--version')), ['']]
  const [[claude = '']] = [...(await inImage('claude', '--version')), ['']]
  return [
    ...debian.map(each => component('library', 'deb/debian', each)),
    ...libraries.map(each => component('library', 'pypi', each)),
    component('application', 'generic', ['node', node.replace(/^v/, '')]),
    component('application', 'npm', ['@anthropic-ai/claude-code', claude]),
  ]
}

const { stdout } = await execa('npm', ['sbom', '--sbom-format', 'cyclonedx', '--omit', 'dev', '--package-lock-only'], {
  cwd: root,
})
const document = JSON.parse(stdout)
document.metadata.component.name = 'agenticore'
document.components.push(...(image === undefined ? [] : await ofImage()))
console.log(JSON.stringify(document, null, 2))
