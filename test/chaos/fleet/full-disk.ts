import { execFileSync } from 'node:child_process'
import { statfsSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

const roomy = '512m'

/** A disk of its own, that can be full without harm to anybody. @returns false where that is not allowed */
export function mountSmall(directory: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${roomy}`, 'tmpfs', directory], { stdio: 'pipe' })
    return true
  } catch {
    return false
  }
}

export const unmount = (directory: string): void => void execFileSync('umount', ['--lazy', directory])

/** It has not a block more than what is on it, for so long. */
export async function fill(disk: string, ms: number): Promise<void> {
  while (!resized(disk, String(usedBytes(disk)))) await delay(5)
  await delay(ms)
  resized(disk, roomy)
}

function usedBytes(disk: string): number {
  const { blocks, bfree, bsize } = statfsSync(disk)
  return (blocks - bfree) * bsize
}

/** @returns false when there is more on it by now */
function resized(disk: string, size: string): boolean {
  try {
    execFileSync('mount', ['-o', `remount,size=${size}`, disk], { stdio: 'pipe' })
    return true
  } catch {
    return false
  }
}
