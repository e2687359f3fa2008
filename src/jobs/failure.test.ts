import t from 'tap'
import { AgenticoreError } from './errors.ts'
import { asKnown, failureOf } from './failure.ts'

const errno = (code: string, syscall: string): Error =>
  Object.assign(new Error(`${code}: ${syscall} '/x'`), { code, syscall })

t.test('a disk that fails is named as such, everything else as it is', t => {
  const cases = [
    [new AgenticoreError('timeout', 'late'), 'timeout'],
    [errno('ENOSPC', 'write'), 'storage_failed'],
    [errno('EROFS', 'open'), 'storage_failed'],
    [errno('ENOENT', 'mkdir'), 'storage_failed'],
    [errno('ENOENT', 'open'), 'internal'],
    [new TypeError('x is not a function'), 'internal'],
  ] as const
  for (const [error, errorCode] of cases) t.same(failureOf(error), { errorCode, error: error.message })
  t.match(asKnown(errno('ENOSPC', 'write')), { code: 'storage_failed', message: "ENOSPC: write '/x'" })
  const fault = new TypeError('x')
  t.equal(asKnown(fault), fault)
  t.end()
})
