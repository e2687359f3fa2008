import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import t, { type Test } from 'tap'
import { git, gitEnv } from '../fixtures/github/git.ts'
import {
  type Canary,
  commitHostile,
  hooks,
  hostileFiles,
  makeCanary,
  moments,
  oddNames,
  plantScript,
  springTraps,
} from '../fixtures/hostile-repository.ts'
import type { ConversationScript } from '../fixtures/model/script.ts'
import { type Model, startModel } from '../fixtures/model/server.ts'
import { claudeBinary } from '../helpers/claude-binary.ts'
import type { CliResult } from '../helpers/cli.ts'
import { bash, jobIn, modelKey, token, type World, world } from '../helpers/e2e.ts'
import { filesOf } from '../helpers/repos.ts'

interface Hostile extends World {
  readonly canary: Canary
  /** A model that serves everybody, and that nobody has any business with. */
  readonly other: Model
  readonly files: Readonly<Record<string, string>>
  readonly repo: { readonly cloneUrl: string; readonly path: string; readonly base: string }
  /** The script an agent plants its traps with. */
  readonly plant: string
  readonly run: (task: string) => Promise<CliResult>
}

/** The hostile repository on a GitHub, with agents that follow the scripts made from the path of the planting script. */
async function hostile(t: Test, scripts: (plant: string) => readonly ConversationScript[]): Promise<Hostile> {
  const plantPath = join(t.testdirName, 'evil/plant.sh')
  const around = await world(t, scripts(plantPath))
  const [canary, other] = await Promise.all([
    makeCanary(join(t.testdirName, 'evil')),
    startModel({ scripts: [{ turns: [bash('true'), { text }] }] }),
  ])
  t.teardown(() => other.close())
  const files = hostileFiles(canary, other.url)
  const { cloneUrl, path } = await around.github.createRepo({ owner: 'evil', name: 'repo' })
  const base = await commitHostile(path, files)
  const plant = await plantScript(join(t.testdirName, 'evil'), canary, other.url, `${around.github.url}/`)
  const run = (task: string) => around.cli(['run', task, '-r', cloneUrl, '--local', '--wait', '--json'])
  return { ...around, canary, other, files, repo: { cloneUrl, path, base }, plant, run }
}

const ones = '1'.repeat(40)

/** Content as `filesOf` gives it, of everything the hostile repository begins with. */
const originally = ({ files }: Hostile): Record<string, string> => ({
  ...Object.fromEntries(Object.entries(files).map(([path, content]) => [path, content.trimEnd()])),
  '120000 link-to-git': '.git',
  '120000 link-outside': '/etc/passwd',
  '160000 sub': ones,
  '160000 deep/sub': ones,
  '160000 sub\ufffd': ones,
})

// biome-ignore lint/suspicious/noControlCharactersInRegex: none of these may be there
const raw = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/

/** What holds after every job, however hostile: nothing ran in the runner, and no secret left it. */
async function unharmed(t: Test, { canary, other, model, github }: Hostile, results: readonly CliResult[]) {
  const records = await canary.records()
  t.strictSame(
    records.filter(record => record.startsWith('runner ')),
    [],
    'nothing ran in the runner',
  )
  t.strictSame(other.requests, [], 'nobody asked at the other address')
  t.ok(model.requests.length > 0)
  for (const { headers } of model.requests) t.equal(headers['x-api-key'], modelKey)
  const shown = JSON.stringify(model.requests.map(({ body }) => body)) + (await canary.environments())
  t.notMatch(shown, modelKey, "the agent's tools and the traps saw no model key")
  t.notMatch(shown, token, "the agent's tools and the traps saw no token")
  t.notMatch(JSON.stringify(github.requests), modelKey)
  for (const { stdout, stderr } of results) t.notMatch(stdout + stderr, raw, 'no control character is printed')
  return records
}

const text = 'Done \u001b[31min red\u001b[0m\u001b]0;owned\u0007.'
const madeByAgent = 'made by\nagent \u001b[31m'
const make = 'printf new > "$(printf \'made by\\nagent \\033[31m\')"'

t.test('nothing that a repository brings is run or obeyed, and its branch is pushed', async t => {
  const edit = bash(`echo 2 >> app.txt; git status; ls; for f in *; do echo edited >> "./$f"; done; ${make}`)
  const all = await hostile(t, () => [{ turns: [edit, { text }] }])
  const result = await all.run('Edit \u001b[31mall\u001b[0m')
  t.equal(result.exitCode, 0, result.stderr)
  const job = jobIn(result)
  t.equal(job.status, 'succeeded')
  const edited = Object.entries(originally(all)).map(([path, content]) => {
    if (/^1\d{5} |\//.test(path) || path.startsWith('.')) return [path, content]
    return [path, `${content}${path === 'app.txt' ? '\n2' : ''}\nedited`]
  })
  const after = { ...Object.fromEntries(edited), [madeByAgent]: 'new' }
  t.strictSame(await filesOf(all.repo.path, job.branch), after)
  for (const name of oddNames) t.ok(name in after, JSON.stringify(name))
  t.strictSame(await unharmed(t, all, [result]), [], 'nothing ran anywhere')
  t.equal(all.github.pulls('evil/repo').length, 1)
  for (const view of ['logs', 'job']) t.notMatch((await all.cli([view, job.id])).stdout, raw, view)
  await t.test('in what is printed as JSON, its names are escapes', async t => {
    for (const view of ['logs', 'job']) t.notMatch((await all.cli([view, job.id, '--json'])).stdout, raw, view)
  })
})

t.test('nothing that the agent plants in its repository runs in the runner, and its work is pushed', async t => {
  const all = await hostile(t, plant => [
    {
      turns: [
        // Without the one trap that git does not survive: its own commit is to come about.
        bash(`: > .gitmodules; sh ${plant} "$PWD/.git"; echo 1 > work
          for does in 'add work' 'commit -qm agent'; do git -c filter.process.process= $does; done`),
        bash(`echo 2 >> work; echo 2 >> a.process; echo 2 > an.included; git diff app.txt; ${make}`),
        { text },
      ],
    },
  ])
  const result = await all.run('Plant')
  t.equal(result.exitCode, 0, result.stderr)
  const { branch, status } = jobIn(result)
  t.equal(status, 'succeeded')
  t.strictSame(await filesOf(all.repo.path, branch), {
    ...originally(all),
    '.gitmodules': '',
    work: '1\n2',
    'a.process': 'p\n2',
    'an.included': '2',
    [madeByAgent]: 'new',
  })
  t.equal(await git(all.repo.path, ['log', '--format=%s', `${all.repo.base}..${branch}`]), 'Plant\nagent')
  const records = await unharmed(t, all, [result])
  for (const name of ['other-post-commit', 'fsmonitor', 'clean']) t.ok(records.includes(`agent ${name}`), name)
})

t.test('whatever becomes of .git, only the work is pushed and nothing runs in the runner', async t => {
  const commit = (dir: string) => `git -C "${dir}" add . && git -C "${dir}" commit -qm nested --allow-empty`
  const nested = (dir: string, name: string) =>
    `git init -q "${dir}"; echo n > "${dir}/n"; ${commit(dir)}; sh $plant "$PWD/${dir}/.git" -${name}; echo 2 > "${dir}/n"`
  const away = (name: string) =>
    `${nested(`../${name}-$(basename "$PWD")`, name)}; mv .git ../${name}-$(basename "$PWD")/old`
  const ways: Record<string, { readonly does: string; readonly differs?: Record<string, string> }> = {
    deleted: { does: 'rm -rf .git' },
    linked: { does: `${away('linked')}; ln -s "$PWD/../linked-$(basename "$PWD")/.git" .git` },
    // One submodule is at the commit that is recorded: only then does `git add` look for changes inside, with git.
    // The path of another repository, which the agent commits, is no UTF-8: no decoder gives it back.
    nested: {
      does: `${nested('new', 'nested')}; ${nested('sub', 'submodule')}; echo ${ones} > sub/.git/HEAD
        s=$(printf 'own\\377'); ${nested('$s', 'committed')}; git add "$s"; git commit -qm own`,
      differs: { '160000 new': 'a commit', '160000 own\ufffd': 'a commit' },
    },
    // A link where a submodule's directory was.
    beyond: { does: 'rm -r deep; ln -s /etc deep', differs: { '120000 deep': '/etc' } },
    // The same with a submodule that the repository brings.
    undecodable: { does: `s=$(printf 'sub\\377'); ${nested('$s', 'undecodable')}; echo ${ones} > "$s/.git/HEAD"` },
  }
  const all = await hostile(t, plant =>
    Object.entries(ways).map(([match, { does }]) => ({
      match,
      turns: [bash(`plant=${plant}; : > .gitmodules; ${does}; echo 1 > work; ${make}`), { text }],
    })),
  )
  const runs = Object.entries(ways).map(async ([name, way]) => ({ name, ...way, result: await all.run(name) }))
  const results = await Promise.all(runs)
  for (const { name, differs, result } of results) {
    await t.test(name, async t => {
      t.equal(result.exitCode, 0, result.stderr)
      const { branch, status } = jobIn(result)
      t.equal(status, 'succeeded')
      const files = Object.entries(await filesOf(all.repo.path, branch)).map(([path, content]) => {
        return [path, path.startsWith('160000 ') && content !== ones ? 'a commit' : content]
      })
      const kept = Object.entries(originally(all)).filter(([path]) => name !== 'beyond' || !path.includes('deep/'))
      const expected = { ...Object.fromEntries(kept), '.gitmodules': '', work: '1', [madeByAgent]: 'new', ...differs }
      t.strictSame(Object.fromEntries(files), expected)
    })
  }
  await unharmed(
    t,
    all,
    results.map(({ result }) => result),
  )
})

t.test('each of the traps would have been seen', async t => {
  const { canary, other, plant, files, model, github, cli } = await hostile(t, () => [])
  const tree = join(cli.home, 'tree')
  await mkdir(join(tree, '.claude'), { recursive: true })
  const settings = ['.claude/settings.json', '.claude/settings.local.json', '.mcp.json']
  for (const name of [...settings, 'app.txt', 'a.process', 'an.external']) {
    await writeFile(join(tree, name), files[name] ?? '')
  }
  await springTraps(tree, plant, github.url)
  t.match(other.requests, [{ path: /^\/evil\/repo\.git\/info\/refs/ }], 'git asked at the other address')
  const home = { HOME: cli.home, CLAUDE_CONFIG_DIR: join(cli.home, 'claude'), TMPDIR: join(cli.home, 'tmp') }
  const env = { ...gitEnv, ...home, ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: modelKey, IS_SANDBOX: '1' }
  const options = { cwd: tree, env, extendEnv: false, stdin: 'ignore' } as const
  await execa(claudeBinary(), ['-p', 'x', '--dangerously-skip-permissions'], options)
  t.ok(
    other.requests.some(request => request.path.startsWith('/v1/messages')),
    'claude asked at the other address',
  )
  const commands = ['clean', 'smudge', 'process', 'included', 'textconv', 'external']
  const expected = [
    ...[...commands, 'fsmonitor', 'ssh', 'credential', 'editor', 'claude-mcp', 'claude-local-apiKeyHelper'],
    ...hooks.flatMap(hook => [`hooks-${hook}`, `other-${hook}`]),
    ...moments.flatMap(moment => [`claude-settings-${moment}`, `claude-local-${moment}`]),
  ]
  t.strictSame(await canary.records(), expected.map(name => `runner ${name}`).sort())
})
