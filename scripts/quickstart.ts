import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { styleText } from 'node:util'
import { execa } from 'execa'
import { assertScript } from '../test/fixtures/model/script.ts'
import { startModel } from '../test/fixtures/model/server.ts'
import { claudeBinary } from '../test/helpers/claude-binary.ts'

const root = join(import.meta.dirname, '..')
const place = join(root, '.quickstart')
const home = join(place, 'home')
const origin = join(place, 'origin.git')
const task = 'The test of slugify fails. Find out why and fix it.'

const bare = {
  PATH: process.env.PATH ?? '',
  HOME: home,
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'you',
  GIT_AUTHOR_EMAIL: 'you@example.com',
  GIT_COMMITTER_NAME: 'you',
  GIT_COMMITTER_EMAIL: 'you@example.com',
}

const heading = (text: string): void => console.log(`\n${styleText('bold', text, { stream: process.stdout })}`)

function git(directory: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync('git', args, { cwd: directory, env: bare, encoding: 'utf8' })
  if (status !== 0) throw new Error(`git ${args.join(' ')}: ${stderr}`)
  return stdout.trim()
}

function makeOrigin(): void {
  rmSync(place, { recursive: true, force: true })
  const work = join(place, 'work')
  mkdirSync(home, { recursive: true })
  cpSync(join(root, 'scripts/quickstart-repository'), work, { recursive: true })
  git(work, 'init', '--quiet', '--initial-branch=main')
  git(work, 'add', '--all')
  git(work, 'commit', '--quiet', '--message', 'Slugs for titles')
  git(place, 'clone', '--quiet', '--bare', work, origin)
}

/** Whether the test passes on a branch of the origin. */
function testPasses(branch: string): boolean {
  const checkout = join(place, `checkout-${branch.replaceAll('/', '-')}`)
  git(place, 'clone', '--quiet', '--branch', branch, origin, checkout)
  return spawnSync('npm', ['test'], { cwd: checkout, env: bare, stdio: 'ignore' }).status === 0
}

/** The model's address and key: the user's own, or a script on loopback. */
async function model() {
  const key = process.env.ANTHROPIC_API_KEY
  if (key)
    return {
      env: { ANTHROPIC_API_KEY: key, ANTHROPIC_BASE_URL: process.env.ANTHROPIC_BASE_URL ?? '' },
      close: () => Promise.resolve(),
    }
  const script: unknown = JSON.parse(readFileSync(join(root, 'scripts/quickstart-model.json'), 'utf8'))
  assertScript(script)
  const server = await startModel(script)
  return {
    env: { ANTHROPIC_API_KEY: 'sk-ant-scripted-model', ANTHROPIC_BASE_URL: server.url },
    close: () => server.close(),
  }
}

async function agenticore(args: string[], env: Record<string, string>) {
  const run = execa(join(root, 'bin/agenticore'), args, {
    env: { ...bare, ...env, AGENTICORE_CLAUDE_BINARY: claudeBinary(), TERM: process.env.TERM ?? 'dumb' },
    extendEnv: false,
    reject: false,
    stdio: 'inherit',
  })
  return await run
}

heading('1. A repository with a failing test')
makeOrigin()
console.log(`${origin}\nmain: the test ${testPasses('main') ? 'passes' : 'fails'}`)

heading('2. The job')
console.log(`$ agenticore run "${task}" --repo ${origin} --local --wait\n`)
const { env, close } = await model()
const ran = await agenticore(['run', task, '--repo', origin, '--local', '--wait'], env)
await close()

heading('3. What came out')
const branch = git(origin, 'for-each-ref', '--format=%(refname:short)', 'refs/heads/agenticore')
if (ran.exitCode !== 0 || branch === '') {
  console.error('The job did not end with a branch.')
  process.exit(1)
}
const passes = testPasses(branch)
console.log(`${branch}: the test ${passes ? 'passes' : 'still fails'}\n`)
console.log(git(origin, 'log', '--stat', '--format=%h %an: %s', '-p', `main..${branch}`))

heading('4. The job stays')
console.log(`$ HOME=${home} bin/agenticore jobs\n`)
await agenticore(['jobs', '--local'], {})
console.log(
  '\nAlso: job ID, logs ID, run --help. The origin here is a directory; on GitHub the branch becomes a pull request.',
)
process.exit(passes ? 0 : 1)
