import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import t from 'tap'
import { allSettings } from './settings.ts'

const root = join(import.meta.dirname, '../..')

t.test('docs/settings.md has each setting, once, with its key', async t => {
  const page = readFileSync(join(root, 'docs/settings.md'), 'utf8')
  const rows = page.split('\n').filter(line => /^\| `[A-Z]/.test(line))
  t.equal(rows.length, allSettings().length)
  for (const { variable, yaml, shown, meaning } of allSettings()) {
    const [row = '', another] = rows.filter(line => line.startsWith(`| \`${variable}\``))
    t.equal(another, undefined, variable)
    for (const part of [shown, meaning, ...(yaml === undefined ? [] : [`\`${yaml}\``])]) t.ok(row.includes(part), part)
  }
})

t.test('and says what the code says', async t => {
  const { stdout, exitCode } = await execa(process.execPath, ['scripts/docs.ts', '--check', 'settings.md'], {
    cwd: root,
    reject: false,
  })
  t.match({ stdout, exitCode }, { stdout: '', exitCode: 0 })
})

t.test('a variable, a key and a field are there once, and a key is a group and a name', async t => {
  const variables = allSettings().map(({ variable }) => variable)
  const keys = allSettings().flatMap(({ yaml }) => yaml ?? [])
  t.equal(new Set(variables).size, variables.length)
  t.equal(new Set(keys).size, keys.length)
  for (const key of keys) t.match(key, /^[a-z]+\.[a-z_]+$/)
})
