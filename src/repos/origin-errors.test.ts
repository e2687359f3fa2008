import t from 'tap'
import { parseRepository } from '../jobs/repository.ts'
import { pushError, readError } from './origin-errors.ts'

t.test('what a repository is called is no symptom, and hides none', t => {
  for (const [url, stderr, code] of [
    ['git@h:repo', "fatal: 'repo' does not appear to be a git repository", 'origin_not_found'],
    ['git@h:git', "fatal: 'git' does not appear to be a git repository", 'origin_not_found'],
    ['git@h:o', "fatal: 'o' does not appear to be a git repository", 'origin_not_found'],
    ['git@h:k', 'git@h: Permission denied (publickey).', 'origin_unauthorised'],
    ['https://h/o/openssl', "fatal: unable to access 'https://h/o/openssl/': some other trouble", 'git_failed'],
    ['https://h/o/r', "fatal: unable to access 'https://h/o/r/': SSL certificate problem", 'origin_unreachable'],
  ] as const) {
    t.equal(readError(parseRepository(url), { stderr }).code, code, url)
  }
  const remote = parseRepository('https://h/o/r')
  const stale = ' ! [rejected] 1 -> agenticore/x-permission-denied (stale info)'
  t.equal(pushError(remote, 'agenticore/x-permission-denied', { stderr: stale }).code, 'push_rejected')
  t.end()
})
