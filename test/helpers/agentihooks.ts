import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { FileLock } from '../../src/locks/file-lock.ts'
import { systemClock } from '../../src/util/clock.ts'
import { git } from '../fixtures/github/git.ts'
import type { Model } from '../fixtures/model/server.ts'
import type { DaemonUnderTest } from './daemon.ts'
import { until } from './until.ts'

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
  /** Whether users other than the tester get to the Python it runs on. */
  readonly isOpen: boolean
  /** Its sources as in a checkout, with a `CLAUDE.md` in its default profile that says this. */
  checkout(place: string, memory: string): void
}

/** The real agentihooks from PyPI, in an environment of its own; installed once for all runs. */
export async function agentihooks(): Promise<AgentihooksUnderTest | { readonly missing: string }> {
  const place = join(root, '.tools/agentihooks', version)
  // The lock would make what is above it for its user alone, and agents have to get there.
  mkdirSync(join(place, '..'), { recursive: true })
  const lock = new FileLock(join(place, '../.locks'), systemClock)
  try {
    await lock.withLock(version, { signal: new AbortController().signal, patienceMs: installMs }, async () => {
      const python = await bestPython()
      if (!(await isOn(place, python))) await install(place, python)
    })
  } catch (error) {
    return { missing: `no python3-venv, or no PyPI: ${String(error).split('\n')[0]}` }
  }
  const python = readFileSync(join(place, 'library'), 'utf8')
  return {
    bin: join(place, 'bin'),
    version,
    isOpen: await isOpen(join(place, 'bin/python3')),
    checkout(to, memory) {
      // With their times: what Python has compiled of them counts.
      for (const name of ['hooks', 'scripts', 'profiles'])
        cpSync(join(python, name), join(to, name), { recursive: true, preserveTimestamps: true })
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

const run = promisify(execFile)

/** pip builds a package when it is one of a clone. */
const installMs = 90_000

/** The system's, which every user gets to, where there is one that will do. */
async function bestPython(): Promise<string> {
  const needed = 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))'
  return await run('/usr/bin/python3', ['-c', needed]).then(
    () => '/usr/bin/python3',
    () => 'python3',
  )
}

/** Whether it was made here, and on that Python: a copy of a checkout has one that works only for who gets to the original. */
async function isOn(place: string, python: string): Promise<boolean> {
  const library = join(place, 'library')
  if (!existsSync(library) || !readFileSync(library, 'utf8').startsWith(`${place}/`)) return false
  const { stdout } = await run(python, ['-c', 'import sys; print(sys.base_prefix, end="")'])
  return await run(join(place, 'bin/python3'), ['-c', 'import sys; print(sys.base_prefix, end="")']).then(
    made => made.stdout === stdout,
    () => false,
  )
}

async function isOpen(python: string): Promise<boolean> {
  const stranger = ['--reuid', '29999', '--regid', '29999', '--clear-groups']
  // From a shell: setpriv itself starts a program with the rights it had before.
  return await run('setpriv', [...stranger, 'sh', '-c', '"$0" -c "import mcp"', python]).then(
    () => true,
    () => false,
  )
}

async function install(place: string, base: string): Promise<void> {
  // Where it stays: an environment cannot be moved. Whoever finds it half made makes it again.
  for (const old of [place, `${place}.making`]) rmSync(old, { recursive: true, force: true })
  mkdirSync(join(place, '..'), { recursive: true })
  await run(base, ['-m', 'venv', `${place}.making`])
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

/** What is known of it when it has been tried. */
export const settled = async (daemon: DaemonUnderTest): Promise<string> =>
  await until(async () => {
    const { agentihooks: is } = (await daemon.request('GET', '/status')).json
    return is === 'being installed' ? undefined : is
  }, installMs)

/** Runs a job on it, to its end. */
export async function ran(daemon: DaemonUnderTest, profile = 'coding') {
  const { json } = await daemon.request('POST', '/jobs', { body: { task: 'Look', profile, wait: true } })
  const { text } = await daemon.request('GET', `/jobs/${json.job.id}/events`, {
    headers: { accept: 'application/x-ndjson' },
  })
  return { job: json.job, events: text }
}

/** All that the model was sent. */
export const said = (model: Model): string => JSON.stringify(model.requests.map(({ body }) => body))

export const logged = (daemon: DaemonUnderTest, what: RegExp): number =>
  daemon.log.filter(line => what.test(line)).length

/** Commits what is in a directory, and makes that the head of a repository. */
export async function pushed(source: string, repository: string): Promise<void> {
  await git(source, ['init', '-q'])
  await git(source, ['add', '-A'])
  await git(source, ['-c', 'user.name=a', '-c', 'user.email=a@b', 'commit', '-qm', 'x'])
  await git(source, ['push', '-qf', repository, 'HEAD:main'])
}
