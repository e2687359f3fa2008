import { readdir } from 'node:fs/promises'
import { hasCode } from '../../util/error-code.ts'

/** The fences of a job's attempts, ascending; none when it was never started. */
export async function fencesOf(attemptsDirectory: string): Promise<number[]> {
  try {
    const names = await readdir(attemptsDirectory)
    return names
      .filter(name => /^[1-9]\d*$/.test(name))
      .map(Number)
      .sort((a, b) => a - b)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return []
    throw error
  }
}
