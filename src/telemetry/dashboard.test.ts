import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ManualClock } from '../../test/helpers/clock.ts'
import { parseExposition } from '../../test/helpers/prometheus.ts'
import { Prometheus } from './prometheus.ts'

const text = readFileSync(join(import.meta.dirname, '../../docs/grafana-dashboard.json'), 'utf8')
const dashboard: unknown = JSON.parse(text)

/** Every value under that key, at any depth. */
function valuesOf(key: string, inside: unknown): unknown[] {
  if (typeof inside !== 'object' || inside === null) return []
  return Object.entries(inside).flatMap(([name, value]) => [...(name === key ? [value] : []), ...valuesOf(key, value)])
}

const queries = valuesOf('expr', dashboard).filter(query => typeof query === 'string')
const queried = new Set(queries.flatMap(query => query.match(/\b(agenticore|process|nodejs)_[a-z0-9_]+/g) ?? []))

t.test('every figure it shows is there, and every one of ours is on it', async t => {
  const prometheus = new Prometheus({ stats: () => Promise.reject(new Error('none')), clock: new ManualClock() })
  const { types } = parseExposition(await prometheus.text())
  const familyOf = (name: string): string => (types.has(name) ? name : name.replace(/_(bucket|sum|count)$/, ''))
  for (const name of queried) t.ok(types.has(familyOf(name)), name)
  const shown = new Set([...queried].map(familyOf))
  for (const name of [...types.keys()].filter(each => each.startsWith('agenticore_'))) t.ok(shown.has(name), name)
})

t.test('it names no data source of its own, and asks by labels there are', t => {
  t.ok(queries.length > 20)
  t.match(dashboard, { schemaVersion: 39, title: 'agenticore' })
  const sources = valuesOf('datasource', dashboard)
  for (const source of sources) t.match(source, { type: 'prometheus', uid: /^\$\{datasource\}$/ })
  t.match(valuesOf('templating', dashboard), [
    { list: [{ name: 'datasource', type: 'datasource', query: 'prometheus' }] },
  ])
  for (const query of queries) t.match(query, 'job=~"$job"')
  t.end()
})

t.test('its panels have ids of their own and do not overlap', t => {
  const ids = valuesOf('id', dashboard)
  t.equal(new Set(ids).size, ids.length)
  const taken = new Set<string>()
  for (const place of valuesOf('gridPos', dashboard)) {
    const [x, y, w, h] = ['x', 'y', 'w', 'h'].map(key => Number(valuesOf(key, place)[0]))
    if (x === undefined || y === undefined || w === undefined || h === undefined) throw new Error('no place')
    t.ok(x + w <= 24)
    for (let column = x; column < x + w; column++) {
      for (let line = y; line < y + h; line++) {
        t.notOk(taken.has(`${column},${line}`))
        taken.add(`${column},${line}`)
      }
    }
  }
  t.end()
})
