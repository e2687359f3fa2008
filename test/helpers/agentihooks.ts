import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const root = join(import.meta.dirname, '../..')
const lock = readFileSync(join(root, 'scripts/image/agentihooks.txt'), 'utf8')
/** As the image has them. */
const pinned = (name: string): string => new RegExp(`^${name}==[^ ]+`, 'm').exec(lock)?.[0] ?? name
const version = pinned('agentihooks').slice('agentihooks=='.length)
/** What it takes to install itself and to run its hooks and its MCP server; it names more, such as a browser. */
const libraries = ['mcp', 'typer', 'python-dotenv', 'pyyaml', 'requests', 'tomlkit', 'httpx', 'pyjwt']

export interface AgentihooksUnderTest {
  /** The directory of its command. */
  readonly bin: string
  readonly version: string
  /** Its sources as in a checkout, with a `CLAUDE.md` in its default profile that says this. */
  checkout(place: string, memory: string): void
}

/** The real agentihooks from PyPI, in an environment of its own; installed once for all runs. */
export async function agentihooks(): Promise<AgentihooksUnderTest | { readonly missing: string }> {
  const place = join(root, '.tools/agentihooks', version)
  try {
    if (!existsSync(place)) await install(place)
  } catch (error) {
    return { missing: `no python3-venv, or no PyPI: ${String(error).split('\n')[0]}` }
  }
  const python = readFileSync(join(place, 'library'), 'utf8')
  return {
    bin: join(place, 'bin'),
    version,
    checkout(to, memory) {
      for (const name of ['hooks', 'scripts', 'profiles'])
        cpSync(join(python, name), join(to, name), { recursive: true })
      writeFileSync(join(to, 'profiles/default/CLAUDE.md'), `${memory}\n`)
      writeFileSync(join(to, 'pyproject.toml'), pyproject)
    },
  }
}

const pyproject = `[project]
name = "agentihooks"
version = "${version}.dev1"
dependencies = ["mcp", "pyyaml"]
[project.scripts]
agentihooks = "scripts.install:main"
[tool.setuptools.packages.find]
include = ["hooks*", "scripts*", "profiles*"]
`

async function install(place: string): Promise<void> {
  const run = promisify(execFile)
  // Where it stays: an environment cannot be moved. Whoever finds it half made makes it again.
  rmSync(`${place}.making`, { recursive: true, force: true })
  mkdirSync(join(place, '..'), { recursive: true })
  await run('python3', ['-m', 'venv', `${place}.making`])
  const pip = [join(`${place}.making`, 'bin/python'), '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check']
  const [python = '', ...args] = pip
  await run(python, [...args, ...libraries.map(pinned)])
  await run(python, [...args, '--no-deps', pinned('agentihooks')])
  const purelib = 'import sysconfig; print(sysconfig.get_path("purelib"), end="")'
  const { stdout } = await run(python, ['-c', purelib])
  writeFileSync(join(`${place}.making`, 'library'), stdout.replace(`${place}.making`, place))
  await run('sed', ['-i', `1s|.*|#!${join(place, 'bin/python3')}|`, join(`${place}.making`, 'bin/agentihooks')])
  renameSync(`${place}.making`, place)
}
