import t from 'tap'
import { checkRef, checkRepository, hostName, isLoopback, parseRepository } from './repository.ts'

t.test('all spellings of a repository have one normalised form', async t => {
  for (const [spellings, normalised] of [
    [['https://GitHub.com/o/r.git', 'https://github.com/o/r', 'https://github.com/o/r/'], 'https://github.com/o/r'],
    [['git@github.com:o/r.git', 'ssh://git@github.com/o/r', 'git@GitHub.com:o/r'], 'ssh://github.com/o/r'],
    [['/srv/app.git', '/srv/app'], 'file:/srv/app'],
    [['http://127.0.0.1:8080/o/r.git'], 'http://127.0.0.1:8080/o/r'],
  ] as const) {
    for (const spelling of spellings) {
      const address = parseRepository(spelling)
      t.equal(address.normalised, normalised)
      t.equal(address.url, spelling, 'git is given what the user gave')
    }
  }
  t.not(
    parseRepository('https://h/o/R').normalised,
    parseRepository('https://h/o/r').normalised,
    'paths keep their case',
  )
})

t.test('what could make git do something else is refused, with the reason', async t => {
  for (const [text, says] of [
    ['', 'empty'],
    ['--upload-pack=x', 'option'],
    ['-x', 'option'],
    ['ext::sh', 'helper'],
    ['fd::17', 'helper'],
    ['git-remote-x::y', 'helper'],
    ['https://h/o r', 'white space'],
    ['https://h/o\nr', 'control'],
    ['https://h/o\u0007r', 'control'],
    ['file:///srv/x', 'path itself'],
    ['ftp://h/o/r', 'only https'],
    ['javascript://h/x', 'only https'],
    ['git://h/o/r', 'only https'],
    ['https://h', 'names no repository'],
    ['https://h/', 'names no repository'],
    ['https://h/o/r?x=1', 'query'],
    ['https://h/o/r#x', 'fragment'],
    ['ssh://-oProxyCommand=x/o', 'only https|names no|is not used'],
    ['git@-oProxyCommand=x:o/r', 'no https|is not used'],
    ['host:-path', 'no https'],
    ['relative/path', 'no https'],
    ['https://%/x', 'only https'],
  ] as const) {
    t.throws(() => parseRepository(text), { code: 'invalid_repo_url', message: new RegExp(says) }, JSON.stringify(text))
  }
})

t.test('credentials in an address are refused and not repeated', async t => {
  for (const text of ['https://user:secret123@h/o/r', 'https://secret123@h/o/r', 'ssh://git:secret123@h/o/r']) {
    try {
      parseRepository(text)
      t.fail(text)
    } catch (error) {
      t.match(error, { code: 'invalid_repo_url' })
      t.notMatch(String(error), 'secret123')
    }
  }
  t.equal(parseRepository('ssh://git@h:2222/o/r').host, 'h:2222')
})

t.test('hosts can be limited, and paths switched off', async t => {
  const rules = { allowedHosts: ['github.com'], allowPaths: false }
  checkRepository('https://github.com/o/r', 'main', rules)
  checkRepository('git@github.com:o/r', '', rules)
  checkRepository('', '', rules)
  t.throws(() => checkRepository('https://evil.com/o/r', '', rules), /only these hosts are allowed: github.com/)
  t.throws(() => checkRepository('/srv/x', '', rules), /paths of this machine/)
  t.throws(() => checkRepository('', 'main', rules), { code: 'invalid_ref' })
})

t.test('refs by the rules of git', async t => {
  for (const ref of ['main', 'release/1.x', 'fix-#1', 'ü', 'v1.0', 'a@b', 'x'.repeat(40)])
    t.doesNotThrow(() => checkRef(ref), ref)
  for (const ref of [
    '-x',
    '--upload-pack=x',
    'a..b',
    'a b',
    'a~1',
    'a^',
    'a:b',
    'a?',
    'a*',
    'a[',
    'a\\b',
    '@',
    'a@{1}',
    '/a',
    'a/',
    'a//b',
    '.a',
    'a/.b',
    'a.lock',
    'a.lock/b',
    'a.',
    'a\u0007',
  ]) {
    t.throws(() => checkRef(ref), { code: 'invalid_ref' }, JSON.stringify(ref))
  }
})

t.test('loopback is told by name and number', async t => {
  for (const [url, is] of [
    ['http://127.0.0.1:1/o/r', true],
    ['http://localhost/o/r', true],
    ['http://[::1]:8080/o/r', true],
    ['http://127.0.0.1.evil.com/o/r', false],
    ['http://10.0.0.1/o/r', false],
  ] as const) {
    t.equal(isLoopback(parseRepository(url)), is, url)
  }
  t.equal(hostName(parseRepository('http://h:81/o/r')), 'h')
})

t.test('what a refused address may carry after its path is not repeated', t => {
  for (const url of [
    'https://github.com/o/r?token=hunter2',
    'https://github.com/o/r#hunter2',
    'ftp://h/o/r?a=hunter2',
  ]) {
    const check = () => parseRepository(url)
    t.throws(check, { code: 'invalid_repo_url', message: /[?#]\*\*\*"/ })
    t.throws(check, { message: /^(?!.*hunter2)/ })
  }
  t.end()
})
