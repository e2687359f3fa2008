// biome-ignore-all lint/suspicious/noTemplateCurlyInString: as profiles write it

import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lay, library, yml } from '../../test/helpers/profile-library.ts'
import { builtIn } from '../../test/helpers/profiles.ts'
import { ProfileLibrary } from './library.ts'
import { expandServers } from './mcp.ts'
import { mergeProfiles, mergeSettings } from './merge.ts'

t.test('every key: from the parent, over the parent, taken away', async t => {
  const keys: readonly [key: string, parent: string, child: string, field: string, values: readonly unknown[]][] = [
    ['auto_pr', 'false', 'true', 'autoPr', [false, true, true]],
    ['draft', 'true', 'false', 'draft', [true, false, false]],
    ['labels', '[a, b]', '[c]', 'labels', [['a', 'b'], ['c'], []]],
    ['push_on_failure', 'true', 'false', 'pushOnFailure', [true, false, false]],
    ['setup', 'make', 'npm ci', 'setup', ['make', 'npm ci', undefined]],
    ['verify', 'make test', 'npm test', 'verify', ['make test', 'npm test', undefined]],
    ['verify_attempts', '0', '5', 'verifyAttempts', [0, 5, 2]],
    ['env', '{A: 1, B: x}', '{B: y, C: true}', 'env', [{ A: '1', B: 'x' }, { A: '1', B: 'y', C: 'true' }, {}]],
    ['sparse', '[src]', '[docs, "a b/c"]', 'checkout.sparse', [['src'], ['docs', 'a b/c'], []]],
    ['submodules', 'true', 'false', 'checkout.submodules', [true, false, false]],
    ['lfs', 'true', 'false', 'checkout.lfs', [true, false, false]],
    ['claude.model', 'opus', 'sonnet', 'claude.model', ['opus', 'sonnet', undefined]],
    ['claude.fallback_model', 'a', 'b', 'claude.fallbackModel', ['a', 'b', undefined]],
    ['claude.effort', 'low', 'max', 'claude.effort', ['low', 'max', undefined]],
    ['claude.max_turns', '3', '4', 'claude.maxTurns', [3, 4, undefined]],
    ['claude.max_budget_usd', '0.5', '2', 'claude.maxBudgetUsd', [0.5, 2, undefined]],
    ['claude.timeout', '60', '70', 'claude.timeoutSeconds', [60, 70, undefined]],
    ['claude.permission_mode', 'plan', 'dontAsk', 'claude.permissionMode', ['plan', 'dontAsk', 'bypassPermissions']],
    [
      'claude.allowed_tools',
      '[Read]',
      '["Bash(git log:*)"]',
      'claude.allowedTools',
      [['Read'], ['Bash(git log:*)'], []],
    ],
    ['claude.disallowed_tools', '[Read]', '[Edit]', 'claude.disallowedTools', [['Read'], ['Edit'], []]],
    ['claude.append_system_prompt', 'one', 'two', 'claude.appendSystemPrompt', ['one', 'two', undefined]],
    ['claude.trust_repo', 'true', 'false', 'trustRepo', [true, false, false]],
  ]
  const says = (key: string, value: string): string => {
    const [group = '', inner] = key.split('.')
    return inner === undefined ? `${group}: ${value}` : `${group}: {${inner}: ${value}}`
  }
  for (const [key, parent, child, field, values] of keys) {
    const { profiles } = library(t, {
      parent: yml(`${says(key, parent)}\n`),
      silent: yml('extends: parent\n'),
      child: yml(`extends: parent\n${says(key, child)}\n`),
      without: yml(`extends: parent\n${says(key, 'null')}\n`),
    })
    for (const [index, name] of ['silent', 'child', 'without'].entries()) {
      const profile: unknown = await profiles.resolve(name)
      const value = field.split('.').reduce((inner: unknown, part) => Object(inner)[part], profile)
      t.strictSame(value, values[index], `${key}: ${name}`)
    }
  }
})

t.test('whatever is wrong is named with its place, its value and what is allowed', async t => {
  const cases: readonly [what: string, text: string, says: RegExp][] = [
    ['bad YAML', 'a: [1\nb: 2\n', /profile\.yml:2: /],
    ['a tab', 'claude:\n\tmodel: x\n', /profile\.yml:2: /],
    ['a key twice', 'setup: a\nsetup: b\n', /profile\.yml:2: .*unique/],
    ['a list', '- a\n', /no list of keys and values/],
    ['a text', 'hello\n', /no list of keys and values/],
    ['an unknown key', 'description: x\nauto_prs: true\n', /:2: there is no key "auto_prs", did you mean "auto_pr"\?/],
    ['an unknown key, far from all', 'zzzzzz: 1\n', /there is no key "zzzzzz"; the keys are name, description/],
    [
      'an unknown claude key',
      'claude:\n  model: x\n  modle: y\n',
      /:3: there is no key "claude\.modle", did you mean "model"/,
    ],
    ['another name', 'name: other\n', /its name is "other", and its directory is called "p"/],
    ['auto_pr', 'auto_pr: yes please\n', /:1: auto_pr is "yes please"; allowed is true or false/],
    ['labels', '\nlabels: bug\n', /:2: labels is "bug"; allowed is a list of label names/],
    ['setup', 'setup: [a]\n', /setup is \["a"\]; allowed is a text/],
    ['setup, empty', 'setup: ""\n', /setup is ""; allowed is a text/],
    ['verify_attempts', 'verify_attempts: -1\n', /is -1; allowed is a whole number from 0 to 20/],
    ['env', 'env: [A]\n', /env is \["A"\]; allowed is variable names/],
    ['a variable of ours', 'env: {HOME: /x}\n', /env is {"HOME":"\/x"}; allowed is variable names \(none that/],
    ['a key in env', 'env: {ANTHROPIC_API_KEY: k}\n', /none that agenticore sets itself/],
    ['env, nested', 'env: {A: {B: 1}}\n', /allowed is variable names/],
    ['sparse out of the tree', 'sparse: [../x]\n', /allowed is a list of directories inside the repository/],
    ['sparse as an option', 'sparse: [--x]\n', /allowed is a list of directories/],
    ['claude', 'claude: opus\n', /claude is "opus"; allowed is keys and values/],
    ['model', 'claude: {model: --help}\n', /claude\.model is "--help"; allowed is a name/],
    [
      'max_turns',
      'claude:\n  effort: low\n  max_turns: many\n',
      /:3: claude\.max_turns is "many"; allowed is a whole number/,
    ],
    ['max_turns 0', 'claude: {max_turns: 0}\n', /is 0; allowed is a whole number greater than 0/],
    ['max_budget_usd', 'claude: {max_budget_usd: .inf}\n', /allowed is a number greater than 0/],
    [
      'permission_mode',
      'claude: {permission_mode: root}\n',
      /is "root"; allowed is acceptEdits, auto, bypassPermissions/,
    ],
    ['effort', 'claude: {effort: 11}\n', /is 11; allowed is low, medium, high, xhigh, max/],
    ['allowed_tools', 'claude: {allowed_tools: Read}\n', /is "Read"; allowed is a list of tool names/],
    ['a tool as an option', 'claude: {allowed_tools: [--debug]}\n', /allowed is a list of tool names/],
    ['trust_repo', 'claude: {trust_repo: 1}\n', /is 1; allowed is true or false/],
    ['extends', 'extends: nobody\n', /it extends "nobody", which does not exist; there are p/],
    ['extends, nearly', 'extends: q\n', /it extends "q", which does not exist, did you mean "p"\?/],
    ['extends itself', 'extends: p\n', /p: it extends itself/],
    ['an alias of nothing', 'setup: *nope\n', /profile\.yml: Unresolved alias/],
    ['a NUL', 'setup: "a\\0b"\n', /allowed is a text without a NUL/],
    ['a NUL in env', 'env: {A: "a\\0b"}\n', /allowed is variable names .* with a text \(without a NUL\)/],
    ['extends a path', 'extends: ../p\n', /allowed is a name|does not exist/],
  ]
  for (const [what, text, says] of cases) {
    const { profiles } = library(t, { p: yml(text) })
    await t.rejects(profiles.resolve('p'), { code: 'invalid_profile', message: says }, what)
  }
  const { profiles } = library(t, {
    p: yml(''),
    a: yml('extends: b\n'),
    b: yml('extends: c\n'),
    c: yml('extends: a\n'),
  })
  await t.rejects(profiles.resolve('a'), { code: 'invalid_profile', message: /builds on itself: a → b → c → a/ })
  await t.rejects(profiles.resolve('P'), { code: 'profile_not_found', message: /"P", did you mean "p"\?$/ })
  await t.rejects(profiles.resolve(''), { code: 'profile_not_found' })
  t.match(await profiles.list(), [{ name: 'a', error: /builds on itself/ }, {}, {}, { name: 'p' }])
})

t.test('what other tools keep in the same file is left alone, and said', async t => {
  const text = 'mcp_categories: all\notel: {enabled: true}\nclaude: {model: m, output_format: json}\n'
  const { profiles } = library(t, { p: yml(text) })
  const { warnings, claude } = await profiles.resolve('p')
  t.equal(claude.model, 'm')
  t.match(warnings, [/mcp_categories is not used/, /otel is not used/, /claude\.output_format is not used/])
})

t.test('later layers win; under its own name a profile builds on the one it stands in front of', async t => {
  const { profiles, root } = library(
    t,
    { coding: yml('description: theirs\nsetup: make\n'), other: yml('verify: a\n') },
    { coding: yml('extends: coding\nverify: make test\n') },
    { other: yml('verify: b\n') },
  )
  const coding = await profiles.resolve('coding')
  t.match(coding, { setup: 'make', verify: 'make test' })
  t.same(coding.directories, [join(root, 'layer0/coding'), join(root, 'layer1/coding')])
  t.equal((await profiles.resolve('other')).verify, 'b')
  t.match(await profiles.list(), [
    { name: 'coding', source: 'layer 1', hides: ['layer 0'], extends: 'coding', description: 'theirs' },
    { name: 'other', source: 'layer 2', hides: ['layer 0'] },
  ])
})

t.test('settings: objects deep, permissions and hooks joined, other lists replaced, null deletes', t => {
  const hook = (command: string) => ({ matcher: 'Bash', hooks: [{ type: 'command', command }] })
  const base = {
    permissions: { allow: ['Read', 'Edit'], deny: ['WebFetch'], defaultMode: 'plan' },
    hooks: { Stop: [hook('a')], PreToolUse: [hook('b')] },
    env: { A: '1', B: '2' },
    list: [1, 2],
    gone: { deep: true },
  }
  const over = {
    permissions: { allow: ['Edit', 'Bash'], ask: ['Write'], defaultMode: 'dontAsk', deny: null },
    hooks: { Stop: [hook('c')], SessionEnd: [hook('d')] },
    env: { B: null, C: '3' },
    list: [3],
    gone: null,
    fresh: { inner: null, kept: 1 },
  }
  t.strictSame(mergeSettings(base, over), {
    permissions: { allow: ['Read', 'Edit', 'Bash'], defaultMode: 'dontAsk', ask: ['Write'] },
    hooks: { Stop: [hook('a'), hook('c')], PreToolUse: [hook('b')], SessionEnd: [hook('d')] },
    env: { A: '1', C: '3' },
    list: [3],
    fresh: { kept: 1 },
  })
  t.strictSame(mergeProfiles({ labels: ['a'], env: { A: '1' } }, { labels: ['b'], env: { B: '2' } }), {
    labels: ['b'],
    env: { A: '1', B: '2' },
  })
  t.end()
})

t.test('files that cannot be used are named', async t => {
  for (const [path, content, says] of [
    ['.claude/settings.json', '{', /settings\.json: it is no JSON/],
    ['.claude/settings.json', '[]', /settings\.json: it is no JSON object/],
    ['.mcp.json', '{"mcpServers":[]}', /mcpServers is no list of names/],
    ['.mcp.json', '{"mcpServers":{"s":{"args":["x"]}}}', /the server "s" has neither a "command" nor a "url"/],
    ['.mcp.json', '{"servers":{}}', /there is no key "servers"; servers belong under "mcpServers"/],
    ['.mcp.json', '{"mcpServers":{"s":"npx"}}', /the server "s" is no list of keys and values/],
    ['.mcp.json', '{"mcpServers":{"s":{"url":"http://h"}}}', /"s" has a "url" and no "type"; allowed is stdio with/],
    ['.mcp.json', '{"mcpServers":{"s":{"type":"sdtio","command":"x"}}}', /"s" has the type "sdtio"; allowed is stdio/],
    ['.mcp.json', '{"mcpServers":{"s":{"command":"x","args":"y"}}}', /"s" has a wrong args: /],
    ['.mcp.json', '{"mcpServers":{"s":{"command":"x","env":{"A":1}}}}', /"s" has a wrong env\.A: /],
    ['.mcp.json', '{"mcpServers":{"s":{"type":"http","command":"x","url":1}}}', /"s" has a wrong url: /],
    ['.claude/settings.json', '{"permissions":{"deny":"Bash"}}', /settings\.json: permissions\.deny has a shape that/],
    ['.claude/settings.local.json', '{"permissions":{"allow":[1]}}', /permissions\.allow\.0 has a shape that Claude/],
    ['.claude/settings.json', '{"hooks":{"PreToolUse":{}}}', /hooks\.PreToolUse has a shape that Claude Code would/],
    ['.claude/settings.json', '{"hooks":{"PreToolUse":[{"hooks":["x"]}]}}', /hooks\.PreToolUse\.0\.hooks\.0 has a/],
    ['.mcp.json', '{"mcpServers":{"s":{"command":"${NOT_SET}"}}}', /it needs \$\{NOT_SET\}, which the profile's env/],
  ] as const) {
    const { profiles } = library(t, { p: { 'profile.yml': '', [path]: content } })
    await t.rejects(profiles.resolve('p'), { code: 'invalid_profile', message: says }, `${path}: ${content}`)
    t.match(await profiles.list(), [{ name: 'p', error: says }])
  }
})

t.test('a directory with nothing of a profile in it is none', async t => {
  const { profiles, root } = library(t, { empty: { 'README.md': 'x' }, nearly: { 'profile.yaml': 'setup: x\n' } })
  symlinkSync(join(root, 'unmounted'), join(root, 'layer0/gone'))
  for (const [name, says] of [
    ['empty', /empty: it has no profile\.yml\.$/],
    ['nearly', /nearly: it has no profile\.yml, but there is a profile\.yaml\.$/],
    ['gone', /gone: ENOENT/],
  ] as const) {
    await t.rejects(profiles.resolve(name), { code: 'invalid_profile', message: says })
  }
  lay(join(root, 'layer0/empty'), { 'CLAUDE.md': 'Be kind.' })
  t.match(await profiles.resolve('empty'), { name: 'empty', files: { memory: 'Be kind.\n' } })
})

t.test('variables come from the profile alone', t => {
  process.env.PROFILE_TEST_CANARY = 'leaked'
  t.teardown(() => delete process.env.PROFILE_TEST_CANARY)
  const servers = (server: object) => ({ s: { server: { ...server }, path: '/p/.mcp.json' } })
  const written = {
    command: 'x-${A}',
    args: ['${B:-default}', '$A', '${A}${A}'],
    headers: { Authorization: 'Bearer ${A}' },
  }
  t.strictSame(expandServers(servers(written), { A: 'a' }), {
    s: { command: 'x-a', args: ['default', '$A', 'aa'], headers: { Authorization: 'Bearer a' } },
  })
  for (const name of ['PROFILE_TEST_CANARY', 'constructor']) {
    const error = { code: 'invalid_profile', message: new RegExp(`^/p/\\.mcp\\.json: it needs \\$\\{${name}\\}`) }
    t.throws(() => expandServers(servers({ command: `\${${name}}` }), {}), error)
  }
  t.end()
})

t.test('the profiles that come along can be used', async t => {
  const profiles = new ProfileLibrary([{ source: 'built in', directory: builtIn }])
  const listed = await profiles.list()
  t.same(
    listed.map(({ name, error }) => [name, error]),
    [
      ['coding', undefined],
      ['review', undefined],
    ],
  )
  for (const { name } of listed) {
    await profiles.materialize(await profiles.resolve(name), { directory: join(t.testdir(), name) })
  }
})
