import t from 'tap'
import { hookCommands, pathsIn } from './hooks.ts'

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
