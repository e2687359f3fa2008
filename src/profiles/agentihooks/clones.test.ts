import { existsSync, mkdirSync, readdirSync, realpathSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { type Clones, cloned } from './clones.ts'
import type { Run } from './run.ts'

const commit = 'c0ffee'.repeat(7).slice(0, 40)

interface Behaviour {
  readonly kind?: string
  /** What pip says, one call after the other; undefined is success. */
  readonly pip?: readonly (string | undefined)[]
  /** Whether the program of a place can be started. */
  starts?(file: string): boolean
}

/** A volume, and the programs of a machine on it. */
function volume(t: Test) {
  const root = join(t.testdir({ clones: {} }), 'clones')
  const machine = ({ kind = 'cpython-311-x86_64', pip = [], starts = () => true }: Behaviour = {}) => {
    const answers = [...pip]
    let fetched = 0
    const run: Run = async (file, args) => {
      if (args[0] === '-c') return `${kind}\n`
      if (args.includes('venv')) {
        mkdirSync(join(args.at(-1) ?? '', 'bin'), { recursive: true, mode: 0o700 })
        return ''
      }
      if (args.includes('pip')) {
        const said = answers.shift()
        if (said !== undefined) throw new Error(said)
        writeFileSync(join(dirname(file), 'agentihooks'), '', { mode: 0o700 })
        return ''
      }
      if (!existsSync(file) || !starts(file)) throw new Error(`${file} is not there`)
      return '1.0'
    }
    const fetch = async (_: string, directory: string): Promise<void> => {
      fetched += 1
      mkdirSync(directory, { recursive: true, mode: 0o700 })
      writeFileSync(join(directory, 'code.py'), 'x', { mode: 0o600 })
    }
    const clones: Clones = { root, installed: undefined, run, fetch }
    return { bring: () => cloned(commit, clones), fetched: () => fetched }
  }
  return { root, machine }
}

t.test('a commit is cloned once for each kind of machine, for everybody to read', async t => {
  const { root, machine } = volume(t)
  const [here, other] = [machine(), machine({ kind: 'cpython-312-aarch64' })]
  const first = await here.bring()
  t.same(await here.bring(), first)
  t.equal(here.fetched(), 1)
  t.not((await other.bring()).place, first.place)
  t.equal(realpathSync(join(root, 'c0ffeec0ffee-cpython-311-x86_64')), first.place)
  for (const [path, mode] of [
    ['', 0o755],
    ['source', 0o755],
    ['source/code.py', 0o644],
    ['venv/bin/agentihooks', 0o755],
  ] as const) {
    t.equal(statSync(join(first.place, path)).mode & 0o777, mode, path)
  }
})

t.test('several at once have each a whole one', async t => {
  const { machine } = volume(t)
  const all = await Promise.all([machine(), machine(), machine()].map(each => each.bring()))
  for (const { program } of all) t.ok(existsSync(program.file))
})

t.test('one that cannot be started is made anew, beside it: somebody may run on it', async t => {
  const { machine } = volume(t)
  const first = await machine().bring()
  const again = machine({ starts: file => !file.startsWith(first.place) })
  const second = await again.bring()
  t.not(second.place, first.place)
  t.ok(existsSync(first.program.file))
  t.same(await again.bring(), second)
})

t.test('one that cannot be installed leaves nothing, and says all that pip said', async t => {
  const { root, machine } = volume(t)
  const broken = machine({ pip: ['no setuptools here', 'no registry there'] })
  await t.rejects(broken.bring(), { message: 'no registry there; with what is there already: no setuptools here' })
  t.strictSame(readdirSync(root), [])
  t.ok(existsSync((await machine({ pip: ['no setuptools here'] }).bring()).program.file), 'with what the registry has')
})
