/** What agenticore adds to a run of Claude Code: the whole job beside `claude -p` alone in a clone that is ready. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import { agentFiles } from '../../src/agent/files.ts'
import { agentArguments, agentEnvironment } from '../../src/agent/invocation.ts'
import { gitEnv } from '../../test/fixtures/github/git.ts'
import { startModel } from '../../test/fixtures/model/server.ts'
import { claudeBinary } from '../../test/helpers/claude-binary.ts'
import { newJob } from '../../test/helpers/jobs.ts'
import { plainProfile } from '../../test/helpers/profiles.ts'
import { conditions, interleave, report, roundsFrom } from './measure.ts'

const root = join(import.meta.dirname, '../..')
const place = mkdtempSync(join(tmpdir(), 'agenticore-bench-'))
const home = join(place, 'home')
const origin = join(place, 'origin.git')
const key = 'scripted-model'
const task = 'Say two'
const path = process.env.PATH ?? ''

const author = {
  GIT_AUTHOR_NAME: 'bench',
  GIT_AUTHOR_EMAIL: 'bench@example.com',
  GIT_COMMITTER_NAME: 'bench',
  GIT_COMMITTER_EMAIL: 'bench@example.com',
}

const git = (directory: string, ...args: string[]): void => {
  execFileSync('git', ['-C', directory, ...args], { env: { ...gitEnv, ...author }, stdio: 'ignore' })
}

function makeOrigin(): void {
  const work = join(place, 'work')
  mkdirSync(home, { recursive: true })
  mkdirSync(work)
  for (let n = 0; n < 10; n++) writeFileSync(join(work, `file-${n}.txt`), `version 1 of ${n}\n`)
  git(work, 'init', '--quiet', '--initial-branch=main')
  git(work, 'add', '--all')
  git(work, 'commit', '--quiet', '--message', 'first')
  git(place, 'clone', '--quiet', '--bare', work, origin)
}

/** The same script for both: an edit and a commit by a tool, then a text. */
const model = await startModel({
  scripts: [
    {
      turns: [
        { tools: [{ name: 'Bash', input: { command: "sed -i 's/1/2/' file-0.txt && git commit -qam two" } }] },
        { text: 'It says two.' },
      ],
    },
  ],
})

const modelEnv = { ANTHROPIC_API_KEY: key, ANTHROPIC_BASE_URL: model.url }

async function wholeJob(): Promise<undefined> {
  const args = ['run', task, '--repo', origin, '--local', '--json']
  const env = { PATH: path, HOME: home, AGENTICORE_CLAUDE_BINARY: claudeBinary(), ...modelEnv }
  await execa(join(root, 'bin/agenticore'), args, { env, extendEnv: false, stdio: 'ignore' })
}

let clones = 0

/** Only claude itself is timed; the clone it works in is made before. The same arguments and environment as in a job. */
async function bareClaude(): Promise<number> {
  const scratch = join(place, `bare-${clones++}`)
  const cwd = join(scratch, 'tree')
  git(place, 'clone', '--quiet', origin, cwd)
  const request = {
    job: newJob(new Date(), { task }),
    cwd,
    prompt: task,
    briefing: '',
    resume: false,
    sessionId: crypto.randomUUID(),
    marker: 'bench',
    profile: plainProfile,
    configDir: join(scratch, 'config'),
    scratch,
  }
  const files = agentFiles(request)
  for (const directory of [files.home, files.config, files.temp, dirname(files.settings)])
    mkdirSync(directory, { recursive: true })
  writeFileSync(files.briefing, 'Do the task.')
  writeFileSync(files.mcp, '{"mcpServers":{}}')
  writeFileSync(files.settings, '{}')
  const host = {
    path,
    authorName: 'bench',
    authorEmail: 'bench@example.com',
    network: {},
    isRoot: process.getuid?.() === 0,
  }
  const env = { ...agentEnvironment(request, files, host), ...modelEnv }
  const started = performance.now()
  await execa(claudeBinary(), agentArguments(request, files), {
    cwd,
    env,
    extendEnv: false,
    input: task,
    stdout: 'ignore',
  })
  const took = performance.now() - started
  rmSync(scratch, { recursive: true })
  return took
}

try {
  makeOrigin()
  const candidates = [
    { name: 'claude -p, in a ready clone', run: bareClaude },
    { name: 'agenticore run --local', run: wholeJob },
  ]
  const rows = await interleave(candidates, roundsFrom(process.argv, 15))
  const bare = rows[0]?.median ?? Number.NaN
  console.log(`One Bash turn that edits and commits, one text; warm clone cache. ${conditions()}\n`)
  console.log(
    report(rows, row => `${(row.median / bare).toFixed(2)} ×  + ${(row.median - bare).toFixed(0)} ms (goal + 150 ms)`),
  )
} finally {
  await model.close()
  rmSync(place, { recursive: true, force: true })
}
