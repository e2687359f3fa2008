import { createHmac } from 'node:crypto'
import t from 'tap'
import { signedHeaders } from './signature.ts'

// The test vector of the Standard Webhooks libraries.
const vector = {
  secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  at: new Date(1_614_265_330_000),
  body: '{"test": 2432232314}',
  signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
}

t.test('the signature is that of Standard Webhooks', async t => {
  t.strictSame(signedHeaders(vector.secret, vector), {
    'webhook-id': vector.id,
    'webhook-timestamp': '1614265330',
    'webhook-signature': vector.signature,
  })
})

t.test('a secret without the prefix is the key as it is, whatever letters it is made of', async t => {
  for (const secret of ['plain text', 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'pässwörd', 'x whsec_']) {
    const at = new Date('2026-11-23T12:00:00.999Z')
    const hmac = createHmac('sha256', Buffer.from(secret, 'utf8'))
    hmac.update('0199.').update('1795435200.').update('{"ü":1}')
    const headers = signedHeaders(secret, { id: '0199', at, body: '{"ü":1}' })
    t.equal(headers['webhook-timestamp'], '1795435200', 'whole seconds, rounded down')
    t.equal(headers['webhook-signature'], `v1,${hmac.digest('base64')}`)
  }
})

t.test('id, time and body are all signed', async t => {
  const changes = [{ id: 'msg_p5' }, { at: new Date(vector.at.getTime() + 1000) }, { body: `${vector.body} ` }]
  for (const change of changes) {
    t.not(signedHeaders(vector.secret, { ...vector, ...change })['webhook-signature'], vector.signature)
  }
})
