import t from 'tap'
import { lookAtRedis } from '../../src/redis-visit.ts'
import { freePort, redisFor } from '../helpers/redis.ts'

t.test('a cluster is refused, whatever the prefix of its keys', async t => {
  const args = ['--save', '', '--appendonly', 'yes', '--cluster-enabled', 'yes']
  const redis = await redisFor(t, [...args, '--cluster-port', String(await freePort())])
  const { dangers } = await lookAtRedis({ redisUrl: redis.url, redisKeyPrefix: '{agenticore}' })
  t.match(dangers, [{ status: 'error', message: 'it is a Redis Cluster, which does not work', remedy: /Sentinel/ }])
  t.equal(dangers.length, 1)
})
