import { readFile } from 'node:fs/promises'
import { hasCode } from '../util/error-code.ts'

/** Their bits in Linux's capability sets, capabilities(7). */
const bits = { CHOWN: 0n, KILL: 5n, SETGID: 6n, SETUID: 7n } as const

export type Capability = keyof typeof bits

/** Which of those that a user of its own for each agent takes this process does not have; all of them where there is no Linux. */
export async function missingCapabilities(): Promise<Capability[]> {
  const names: Capability[] = ['SETUID', 'SETGID', 'KILL', 'CHOWN']
  const effective = await effectiveSet()
  return names.filter(name => ((effective >> bits[name]) & 1n) === 0n)
}

async function effectiveSet(): Promise<bigint> {
  try {
    const status = await readFile('/proc/self/status', 'utf8')
    return BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return 0n
    throw error
  }
}
