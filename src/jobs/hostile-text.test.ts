import t from 'tap'
import { AgenticoreError } from './errors.ts'
import { decodeEvent } from './event-record.ts'
import { checkRepository, parseRepository } from './repository.ts'
import { titleOf } from './title.ts'

const refusal = (text: string): unknown => {
  try {
    return parseRepository(text)
  } catch (error) {
    return error
  }
}

t.test('an address is one of ours or refused with our own error, whatever it holds', async t => {
  for (const text of [
    'https://h/%zz/r',
    'https://h/%E0%A4%A/r',
    'https://h/%',
    'https://h:99999/r',
    'https://[::1/r',
    'git@h:.git',
    'git@h:/',
    'https://h/.git',
  ]) {
    const error = refusal(text)
    t.ok(error instanceof AgenticoreError, `${text}: ${error}`)
    t.match(error, { code: 'invalid_repo_url' }, text)
  }
})

t.test('a secret in an address is not repeated, however broken the address is', async t => {
  for (const text of [
    'https://user:s3cretword@h:99999/o/r',
    'https://user:s3cretword#1@h/o/r',
    'https://user:s3cretword/1@h/o/r',
    'https://user:s3cretword @h/o/r',
    'ftp://user:s3cretword@h/o/r',
    'git://user:s3cretword@h/o/r',
    'file://user:s3cretword@h/o/r',
    'https://s3cretword@',
    'user:s3cretword@github.com:o/r',
    'user:s3cretword@github.com/o/r',
  ]) {
    const error = refusal(text)
    t.match(error, { code: 'invalid_repo_url' }, text)
    t.notMatch(error instanceof Error ? error.message : JSON.stringify(error), 's3cretword', text)
  }
})

t.test('the host that is checked is the host that git goes to', async t => {
  const rules = { allowedHosts: ['github.com'], allowPaths: false }
  // git decodes the whole of an ssh address before it looks for the host: these lead to evil.com.
  for (const text of ['ssh://evil.com%2fx@github.com/o/r', 'ssh://evil.com%3a22%2fx@github.com/o/r']) {
    t.throws(() => checkRepository(text, '', rules), { code: 'invalid_repo_url' }, text)
  }
  for (const text of [
    'http://github.com\\@127.0.0.1:18080/o/r',
    'https://github.com\\.evil.com/o/r',
    'https://\uff47ithub.com/o/r',
    'ssh://a@evil.com@github.com/o/r',
    'https://github.com:0443/o/r',
  ]) {
    t.throws(() => checkRepository(text, '', rules), { code: 'invalid_repo_url' }, text)
  }
  t.throws(() => parseRepository('ssh://%2doProxyCommand=x/o'), { code: 'invalid_repo_url' }, 'an option, encoded')
  for (const text of [
    'https://evil.com/github.com/r',
    'https://github.com.evil.com/o/r',
    'git@evil.com:github.com/r',
  ]) {
    t.throws(() => checkRepository(text, '', rules), /only these hosts/, text)
  }
  for (const text of ['https://GITHUB.com/o/r', 'https://github.com:443/o/r', 'ssh://git@github.com:22/o/r']) {
    checkRepository(text, '', rules)
  }
})

t.test('a scheme in capitals is one that git knows', async t => {
  t.match(parseRepository('HTTPS://GitHub.com/o/r'), { scheme: 'https', normalised: 'https://github.com/o/r' })
  t.match(parseRepository('HTTPS://GitHub.com/o/r').url, /^https:/, 'git has no helper for HTTPS')
})

t.test('a directory has one normalised form', async t => {
  for (const text of ['/srv/app', '/srv/app/', '/srv/app.git', '/srv/app/.git', '/srv/app/.git/']) {
    t.equal(parseRepository(text).normalised, 'file:/srv/app', text)
  }
})

t.test('a title is text that can be sent, wherever it is cut', async t => {
  for (let length = 60; length < 80; length++) {
    const title = titleOf(`${'x'.repeat(length)}🌈🌈🌈🌈🌈🌈🌈🌈`)
    t.ok(title.isWellFormed(), `${length}: half a character at the end of ${JSON.stringify(title.slice(-3))}`)
    t.ok(title.length <= 72)
  }
  t.equal(titleOf('\r\n \t a\r\nb'), 'a')
})

t.test('a line of a log that is not ours is none, and does no harm', async t => {
  for (const line of [
    '{',
    '"text"',
    '7',
    '{"id":1,"at":"x","type":"y"}',
    '{"__proto__":{"id":"1","at":"x","type":"y"}}',
  ]) {
    t.equal(decodeEvent(line), undefined, line)
  }
})
