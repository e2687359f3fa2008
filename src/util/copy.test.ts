import { existsSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { copyTree } from './copy.ts'

t.test('links that lead nowhere, or into themselves, are left out and said', async t => {
  const place = t.testdir({ from: { skills: { 'SKILL.md': 'read' } }, elsewhere: { 'file.md': 'of another' } })
  const [from, to] = [join(place, 'from'), join(place, 'to')]
  for (const [name, target] of [
    ['gone', '/nonexistent/file'],
    ['loop', 'loop'],
    ['skills/parent', '../..'],
    ['skills/self', '.'],
    ['linked', '../elsewhere'],
    ['again', '../elsewhere'],
  ] as const) {
    symlinkSync(target, join(from, name))
  }
  const skipped: string[] = []
  await copyTree(from, to, { links: 'followed', skipped: path => skipped.push(path.slice(from.length + 1)) })
  t.strictSame(skipped.sort(), ['gone', 'loop', 'skills/parent', 'skills/self'])
  t.equal(readFileSync(join(to, 'skills/SKILL.md'), 'utf8'), 'read')
  for (const name of ['linked', 'again']) t.equal(readFileSync(join(to, name, 'file.md'), 'utf8'), 'of another')
  await copyTree(from, join(place, 'plain'), { links: 'left out' })
  t.notOk(existsSync(join(place, 'plain/linked')))
})
