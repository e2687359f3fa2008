import t from 'tap'
import { redisOptions, redisPlace, redisSecrets } from './address.ts'

t.test('what REDIS_URL may say', t => {
  const whole = 'rediss://user:p%40ss@redis.example:6380/3'
  t.match(redisOptions(whole), { username: 'user', password: 'p@ss', host: 'redis.example', port: 6380, db: 3 })
  t.match(redisOptions(whole), { tls: { servername: 'redis.example' } })
  for (const address of ['127.0.0.1', '[::1]'])
    t.same(redisOptions(`rediss://${address}`).tls, {}, 'no name of a server')
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

t.test('a password is not shown, whatever it is written with', t => {
  for (const [written, meant] of [
    ['se/cret', 'se/cret'],
    ['p@ss/w:rd', 'p@ss/w:rd'],
    ['p%40ss', 'p@ss'],
    ['//x?y#z', '//x?y#z'],
  ]) {
    const url = `redis://user:${written}@redis.example:6380/3`
    t.match(redisOptions(url), { username: 'user', password: meant, host: 'redis.example', db: 3 })
    t.equal(redisPlace(url), 'redis://redis.example:6380/3')
    t.strictSame(redisSecrets(url), [written, meant])
  }
  t.strictSame(redisSecrets('redis://alone@x'), ['alone', 'alone'])
  t.strictSame(redisSecrets('redis://x/1'), [])
  t.equal(redisPlace('redis+sentinel://u:a/b@one,two/name'), 'redis+sentinel://one,two/name')
  t.end()
})

t.test('a % that encodes nothing is refused like anything else, and what is behind it is not told', t => {
  t.throws(() => redisOptions('redis://:100%canary@x'), { name: 'TypeError', message: /write it as %25$/ })
  t.strictSame(redisSecrets('redis://:100%canary@x'), ['100%canary'])
  t.equal(redisPlace('redis://:100%canary@x'), 'redis://x')
  t.end()
})
