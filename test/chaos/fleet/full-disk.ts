import { execFileSync } from 'node:child_process'
import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** A disk of its own, that can be filled without harm to anybody. @returns false where that is not allowed */
export function mountSmall(directory: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=384m', 'tmpfs', directory], { stdio: 'pipe' })
    return true
  } catch {
    return false
  }
}

export const unmount = (directory: string): void => void execFileSync('umount', ['--lazy', directory])

/** To its last block, for so long. */
export async function fill(disk: string, ms: number): Promise<void> {
  const ballast = join(disk, 'ballast')
  const file = openSync(ballast, 'w')
  const block = Buffer.alloc(65_536)
  try {
    for (;;) writeSync(file, block)
  } catch {
    // It is full: that is what was wanted.
    await delay(ms)
  } finally {
    closeSync(file)
    rmSync(ballast)
  }
}
