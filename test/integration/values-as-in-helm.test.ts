import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import t, { type Test } from 'tap'
import { setInto, type Tree } from '../../src/kubernetes/set-flag.ts'
import { treeOf } from '../../src/kubernetes/values-file.ts'
import { helmVersion } from '../helpers/chart.ts'

const skip = (await helmVersion()) === undefined ? 'no helm here' : false

/** What helm takes values for, in the order of their keys. */
async function byHelm(t: Test, args: readonly string[], input = ''): Promise<Tree> {
  const directory = t.testdir()
  mkdirSync(join(directory, 'templates'))
  writeFileSync(join(directory, 'Chart.yaml'), 'apiVersion: v2\nname: values\nversion: 1.0.0\n')
  writeFileSync(join(directory, 'templates/values.yaml'), 'values: {{ .Values | toJson }}\n')
  const { stdout } = await execa('helm', ['template', directory, ...args], { input })
  return JSON.parse(/^values: (.*)$/m.exec(stdout)?.[1] ?? '')
}

/** Behind a name of their own each. */
const plain = `y Y yes Yes YES yEs n no No on ON off Off true TRUE tRue nulL 0123 -0123 0o14 0x1F 0X1f 0b11 1_000 +12 +0x1
  1:30 1:30:00 12:30:45.5 2001-12-14 2001-12-14t21:59:43.10-05:00 1e3 1.5e+3 .5 5. +.5 0789 08 1,000 0x 1000000 123456789012345
  9007199254740993 123456789012345678901234 1e400 e3 .e3 1e _1 1__0 0.1 1.0 -0 00 it's 10.0.0.0/8 {a:1} [y,012,e3] !!str\u00a012 "yes"
  'no' &x\u00a0z`
const texts = plain.split(/\s+(?=\S)/).map(each => each.replaceAll('\u00a0', ' '))

t.test('a file is read as helm reads it', { skip }, async t => {
  const file = `${texts.map((text, n) => `k${n}: ${text}\n`).join('')}base: &base {c: 1, d: 2}\nover: {<<: *base, d: 3}\n`
  const [read, wanted] = [treeOf('values.yaml', file), await byHelm(t, ['-f', '-'], file)]
  t.equal(Object.keys(read).length, texts.length + 2)
  for (const [n, text] of texts.entries()) t.strictSame(read[`k${n}`], wanted[`k${n}`], text)
  t.strictSame(read.over, wanted.over)
})

const settings =
  `TRUE True fAlse +5 -0 00 -5 + 1_0 1000000000000000 9223372036854775808 {} {x,} {x,y} {true,1,x} 1.5 1e3 0x10 007
  -007 +007 a=b {x\\,y} {x=y} \\{x x{y} [] b\\\\c`.split(/\s+/)
const paths = ['[0]', '[2]', '[0][1]', '.b', '.b[1].c', '[0].b.c', '\\=x', '\\[0\\]', '\\.b']

t.test('--set is read as helm reads it', { skip }, async t => {
  const sets = [...settings.map((text, n) => `k${n}=${text}`), ...paths.map((path, n) => `p${n}${path}=1,q${n}=z`)]
  const read: Tree = {}
  for (const text of sets) setInto(read, text)
  const wanted = await byHelm(
    t,
    sets.flatMap(text => ['--set', text]),
  )
  t.strictSame(JSON.parse(JSON.stringify(read)), wanted)
})

t.test('--set reaches into what a file gives', { skip }, async t => {
  const file = 'list: [{name: a, value: x}, {name: b}]\ngroup: &g {a: 1, b: 2}\nother: *g\n'
  const sets = ['list[0].value=y', 'list[2].name=c', 'group.b=3']
  const read = treeOf('values.yaml', file)
  for (const text of sets) setInto(read, text)
  t.strictSame(read, await byHelm(t, ['-f', '-', ...sets.flatMap(text => ['--set', text])], file))
})
