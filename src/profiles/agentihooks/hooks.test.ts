import t from 'tap'
import { forOthers, hookCommands, pathsIn, tryHooks } from './hooks.ts'

const hook = (command: string) => ({ hooks: [{ type: 'command', command }] })

t.test('only its own hooks are tried, each once', async t => {
  const ours = 'cd /opt/a/lib && /opt/a/bin/python3 -m hooks'
  const hooks = { Stop: [hook(ours), hook('jq -e .reason')], PreToolUse: [hook(ours)], Odd: 'text', Empty: [{}] }
  t.strictSame(hookCommands({ hooks }, '/opt/a/bin'), [ours])
  t.strictSame(hookCommands({}, '/opt/a/bin'), [])
})

t.test('paths of a command', async t => {
  t.strictSame(pathsIn('cd "/a b" && X=/c /d/e --out=/f>/g a/b'), ['/a', '/c', '/d/e', '/f'])
})

t.test(
  'of what a user of its own cannot start it is said what it has to get to, the Python behind a link too',
  async t => {
    const place = t.testdir({ closed: { python3: '' }, python3: t.fixture('symlink', 'closed/python3') })
    const denied = async (): Promise<never> => {
      throw new Error('/bin/sh -c ended with 126: Permission denied')
    }
    const program = { file: `${place}/agentihooks`, args: [], python: `${place}/python3` }
    await t.rejects(
      tryHooks(['x'], forOthers(denied, program)),
      new Error(
        `/bin/sh -c ended with 126: Permission denied. Agents are users of their own, and have to get to agentihooks and to its Python, ${place}/closed/python3: put both where every user may read.`,
      ),
    )
    const gone = { file: `${place}/gone`, args: [] }
    await t.rejects(forOthers(denied, gone)('x', []), { message: new RegExp(`its Python, ${place}/gone:`) })
    t.equal(await forOthers(async () => 'well', program)('x', []), 'well')
  },
)
