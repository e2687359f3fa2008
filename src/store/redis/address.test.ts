import t from 'tap'
import { redisOptions, redisPlace } from './address.ts'

t.test('what REDIS_URL may say', t => {
  const whole = 'rediss://user:p%40ss@redis.example:6380/3'
  t.match(redisOptions(whole), { username: 'user', password: 'p@ss', host: 'redis.example', port: 6380, db: 3 })
  t.match(redisOptions(whole), { tls: { servername: 'redis.example' } })
  t.match(redisOptions('redis://:p:w@[::1]'), { password: 'p:w', host: '::1', port: 6379, db: 0 })
  t.notOk('tls' in redisOptions('redis://x'))
  t.match(redisOptions('redis+sentinel://u:p@one,two:26380/mymaster/2'), {
    sentinels: [
      { host: 'one', port: 26_379 },
      { host: 'two', port: 26_380 },
    ],
    name: 'mymaster',
    db: 2,
  })
  t.equal(redisPlace(whole), 'rediss://redis.example:6380/3')
  t.end()
})

t.test('what is none is refused, and its password is not told', t => {
  for (const wrong of [
    'http://x',
    'redis://',
    'redis+sentinel://u:canary@one',
    'redis://:canary@x/y',
    'redis://a:b:c',
  ]) {
    t.throws(() => redisOptions(wrong), TypeError, wrong)
    try {
      redisOptions(wrong)
    } catch (error) {
      t.notMatch(String(error), /canary/)
    }
  }
  t.end()
})
