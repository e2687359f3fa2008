// biome-ignore-all lint/suspicious/noTemplateCurlyInString: as profiles write it

import { readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lay, library } from '../../test/helpers/profile-library.ts'

t.test('materialised: what the chain says together, and nothing of what was there', async t => {
  const server = (command: string) => JSON.stringify({ mcpServers: { one: { command }, [command]: { command } } })
  const { profiles, root } = library(t, {
    base: {
      'profile.yml': 'env: {KEY: k}\n',
      'CLAUDE.md': 'Base.\n\n',
      '.claude/settings.json': '{"permissions":{"allow":["A"]}}',
      '.claude/agents/a.md': 'of base',
      '.claude/agents/b.md': 'of base',
      '.mcp.json': server('base'),
    },
    child: {
      'profile.yml': 'extends: base\n',
      '.claude/CLAUDE.md': 'Child.',
      '.claude/settings.json': '{"permissions":{"allow":["B"]}}',
      '.claude/settings.local.json': '{"permissions":{"deny":["C"]}}',
      '.claude/agents/b.md': 'of child',
      '.mcp.json': server('child'),
    },
  })
  const directory = join(root, 'out')
  const outside = join(root, 'outside')
  lay(directory, { 'work.txt': 'kept' })
  lay(outside, { kept: 'kept' })
  symlinkSync(outside, join(directory, '.claude'))
  symlinkSync(join(outside, 'kept'), join(directory, '.mcp.json'))
  await profiles.materialize(await profiles.resolve('child'), { directory })
  const read = (path: string): string => readFileSync(join(directory, path), 'utf8')
  t.same(readdirSync(join(directory, '.claude')).sort(), ['CLAUDE.md', 'agents', 'settings.json'])
  t.equal(read('.claude/CLAUDE.md'), 'Base.\n\nChild.\n')
  t.same(JSON.parse(read('.claude/settings.json')), { permissions: { allow: ['A', 'B'], deny: ['C'] } })
  t.same([read('.claude/agents/a.md'), read('.claude/agents/b.md')], ['of base', 'of child'])
  t.same(JSON.parse(read('.mcp.json')), {
    mcpServers: { one: { command: 'child' }, base: { command: 'base' }, child: { command: 'child' } },
  })
  t.equal(read('work.txt'), 'kept')
  t.same(readdirSync(outside), ['kept'], 'a link in the place is replaced, not followed')
  t.equal(readFileSync(join(outside, 'kept'), 'utf8'), 'kept')
})

t.test('a trusted tree gives its agents, skills, commands and servers, and no file from elsewhere', async t => {
  const { profiles, root } = library(t, {
    p: { 'profile.yml': 'claude: {trust_repo: true}\n', '.claude/agents/a.md': 'of the profile' },
  })
  const tree = join(root, 'tree')
  lay(tree, {
    '.claude/agents/a.md': 'of the tree',
    '.claude/agents/b.md': 'of the tree',
    '.claude/settings.json': '{"hooks":{}}',
    '.claude/hooks/h.sh': 'x',
    'CLAUDE.md': 'x',
    '.mcp.json': '{"mcpServers":{"theirs":{"type":"http","url":"http://x"},"bad":{"url":"http://x"}},"inputs":[]}',
  })
  lay(join(root, 'secret'), { 'key.md': 'SECRET' })
  symlinkSync(join(root, 'secret/key.md'), join(tree, '.claude/agents/link.md'))
  symlinkSync(join(root, 'secret'), join(tree, '.claude/skills'))
  const directory = join(root, 'out')
  await profiles.materialize(await profiles.resolve('p'), { directory, tree })
  t.same(readdirSync(join(directory, '.claude'), { recursive: true }).sort(), [
    'agents',
    'agents/a.md',
    'agents/b.md',
    'settings.json',
  ])
  t.equal(readFileSync(join(directory, '.claude/agents/a.md'), 'utf8'), 'of the profile')
  t.equal(readFileSync(join(directory, '.claude/settings.json'), 'utf8').trim(), '{}')
  t.same(JSON.parse(readFileSync(join(directory, '.mcp.json'), 'utf8')), {
    mcpServers: { theirs: { type: 'http', url: 'http://x' } },
  })

  lay(join(root, 'secret'), { 'mcp.json': '{"mcpServers":{"secret":{"command":"x"}}}' })
  rmSync(join(tree, '.mcp.json'))
  symlinkSync(join(root, 'secret/mcp.json'), join(tree, '.mcp.json'))
  await profiles.materialize(await profiles.resolve('p'), { directory, tree })
  t.notMatch(readFileSync(join(directory, '.mcp.json'), 'utf8'), 'secret')
})
