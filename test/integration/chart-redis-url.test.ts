import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import t from 'tap'
import { parse } from 'yaml'
import { type RedisPlace, redisOptions } from '../../src/store/redis/address.ts'
import { chart, helmVersion } from '../helpers/chart.ts'

const skip = (await helmVersion()) === undefined ? 'no helm here' : false

const secrets = [
  '',
  'user:password@',
  ':p@ss@',
  'user:a/5@',
  'u:p?x@',
  'u:redis://x:1/7?@',
  'u:%2F%40@',
  'u:line\nbreak@',
]
const hosts = ['redis', 'redis:6380', '10.0.0.1:6379', '[fd00::1]:6379', '[fd00::1]', 'redis.data.svc.cluster.local']
const databases = ['', '/', '/0', '/12', '/12?family=6']
const across = (...lists: readonly (readonly string[])[]): string[] =>
  lists.reduce<string[]>((all, list) => all.flatMap(head => list.map(each => head + each)), [''])

const urls = [
  ...across(['redis://', 'rediss://'], secrets, hosts, databases),
  ...across(
    ['redis+sentinel://', 'rediss+sentinel://'],
    secrets,
    ['s1', 's1:1,s2,[fd00::1]:3'],
    ['/mymaster'],
    databases,
  ),
]

/** As the servers take it, in the chart's words. */
function asTheServers(url: string): object {
  const { host, port, db, tls, sentinels, name, enableTLSForSentinelMode }: RedisPlace = redisOptions(url)
  const places = (sentinels ?? [{ host, port }]).map(each => `${bracketed(each.host ?? '')}:${each.port}`)
  return {
    addresses: places.join(','),
    master: name ?? '',
    database: db,
    tls: tls !== undefined || enableTLSForSentinelMode === true,
  }
}

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host)

t.test('the chart reads a redis-url as the servers do', { skip }, async t => {
  const directory = t.testdir()
  mkdirSync(join(directory, 'templates'))
  writeFileSync(join(directory, 'Chart.yaml'), 'apiVersion: v2\nname: urls\nversion: 1.0.0\n')
  copyFileSync(join(chart, 'templates/_redis.tpl'), join(directory, 'templates/_redis.tpl'))
  const template = 'places:{{ range .Values.urls }}\n- {{ include "agenticore.redisPlace" . }}{{ end }}\n'
  writeFileSync(join(directory, 'templates/places.yaml'), template)
  const { stdout } = await execa('helm', ['template', directory, '-f', '-'], { input: JSON.stringify({ urls }) })
  const { places: read } = parse(stdout)
  t.equal(read.length, urls.length)
  for (const [n, url] of urls.entries()) {
    const place = { ...read[n], database: Number(read[n].database) }
    t.strictSame(place, asTheServers(url), JSON.stringify(url))
  }
})
