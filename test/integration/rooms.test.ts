import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import t, { type Test } from 'tap'

const root = join(import.meta.dirname, '../..')

const imports = (path: string): string => `import { x } from '${path}'\n\nexport const y = x\n`

/** The rules that the project's own configuration finds broken in each of these files. */
async function lint(t: Test, files: readonly (readonly [room: string, content: string])[]): Promise<string[][]> {
  const names = files.map((_, index) => `x${index}.ts`)
  const place = t.testdir({ 'biome.json': readFileSync(join(root, 'biome.json')) })
  const paths = files.map(([room, content], index) => {
    mkdirSync(join(place, room), { recursive: true })
    writeFileSync(join(place, room, names[index] ?? ''), content)
    return `${room}/${names[index]}`
  })
  const args = ['lint', '--vcs-enabled=false', '--max-diagnostics=none', '--colors=off', '.']
  const { stdout, stderr } = await execa(join(root, 'node_modules/.bin/biome'), args, { cwd: place, reject: false })
  const found = [...`${stdout}\n${stderr}`.matchAll(/^(\S+\.ts):\d+:\d+ lint\/\w+\/(\w+)/gm)]
  return paths.map(path => found.filter(([, where]) => where === path).map(([, , rule]) => rule ?? ''))
}

t.test('imports against the arrows are refused, those along them pass', async t => {
  const cases = [
    ['src/util', '../jobs/job.ts', false],
    ['src/jobs', '../util/clock.ts', true],
    ['src/jobs', '../store/file/store.ts', false],
    ['src/jobs', '../app.ts', false],
    ['src/store/file', '../../jobs/job.ts', true],
    ['src/store/file', '../journal/journal.ts', false],
    ['src/store/journal', '../../process/command.ts', false],
    ['src/process', '../jobs/job.ts', false],
    ['src/process', 'execa', true],
    ['src/repos', '../process/command.ts', true],
    ['src/repos', '../agent/claude.ts', false],
    ['src/profiles', '../agent/claude.ts', false],
    ['src/locks', '../repos/git.ts', false],
    ['src/repos', 'execa', false],
    ['src/agent', '../repos/git.ts', false],
    ['src/agent', 'node:child_process', false],
    ['src/github', '../process/command.ts', false],
    ['src/worker', '../jobs/ports.ts', true],
    ['src/worker', '../store/file/store.ts', false],
    ['src/webhook', '../jobs/job.ts', true],
    ['src/webhook', '../api/wire.ts', false],
    ['src/telemetry', '../jobs/job.ts', true],
    ['src/telemetry', '../worker/attempt.ts', false],
    ['src/api', '../jobs/job.ts', true],
    ['src/api', '../client/agenticore.ts', false],
    ['src/server/http', '../../jobs/service.ts', true],
    ['src/server/http', '../../store/file/store.ts', false],
    ['src/server/http', '../control/control.ts', false],
    ['src/client', '../api/wire.ts', true],
    ['src/client', '../jobs/job.ts', false],
    ['src/config', '../jobs/errors.ts', false],
    ['src/commands', '../app.ts', true],
    ['src/commands', '../foreground.ts', false],
    ['src/commands', '../jobs/job.ts', false],
    ['src/commands/output', '../../api/wire.ts', true],
    ['src/commands/output', '../../app.ts', false],
  ] as const
  const found = await lint(
    t,
    cases.map(([room, target]) => [room, imports(target)] as const),
  )
  for (const [index, [room, target, allowed]] of cases.entries()) {
    t.equal(!found[index]?.includes('noRestrictedImports'), allowed, `${room} → ${target}`)
  }
})

t.test('any, I/O in jobs/, and the environment outside config/ are refused', async t => {
  const found = await lint(t, [
    ['src/jobs', 'export const x: any = 1\n'],
    ['src/jobs', imports('node:fs')],
    ['src/worker', 'export const x = process.env.HOME\n'],
    ['src/config', 'export const x = process.env.HOME\n'],
  ])
  t.strictSame(found, [['noExplicitAny'], ['noNodejsModules'], ['noProcessEnv'], []])
})
