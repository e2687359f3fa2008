import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import t from 'tap'

const root = join(import.meta.dirname, '../..')
const read = (name: string): string => readFileSync(join(root, name), 'utf8')

t.test('the bill of materials, the table and the notices are of the same packages', async t => {
  const { stdout } = await execa(process.execPath, [join(root, 'scripts/sbom.ts')])
  const { components } = JSON.parse(stdout)
  const rows = [...read('docs/third-party.md').matchAll(/^\| (\S+) \| (\d\S*) \| (\S+) \|$/gm)]
  t.ok(rows.length > 50)
  t.strictSame(
    components.map(
      ({ name, version, licenses }: { name: string; version: string; licenses: { license: { name: string } }[] }) => [
        name,
        version,
        licenses[0]?.license.name,
      ],
    ),
    rows.map(([, ...cells]) => cells),
  )
  for (const { name, hashes } of components) t.match(hashes, [{ alg: 'SHA-512', content: /^[0-9a-f]{128}$/ }], name)
  const notices = read('dist/THIRD-PARTY-NOTICES.txt').split(`\n\n${'-'.repeat(80)}\n\n`)
  t.equal(notices.length, rows.length)
  for (const notice of notices)
    t.match(notice, /copyright|apache license|without restriction/i, notice.split('\n').at(0) ?? '')
})

t.test('the lock is that of package.json', async t => {
  const { exitCode } = await execa(process.execPath, [join(root, 'scripts/image/check-lock.ts')], { reject: false })
  t.equal(exitCode, 0)
})
