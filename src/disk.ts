import { mkdir, statfs } from 'node:fs/promises'

const gibi = 1024 ** 3

/** Which of these directories has less free than that, in words; undefined when all have enough. */
export async function shortOfDisk(directories: readonly string[], leastBytes: number): Promise<string | undefined> {
  for (const directory of directories) {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const { bavail, bsize } = await statfs(directory)
    if (bavail * bsize < leastBytes) {
      return `${inGibi(bavail * bsize)} are free in ${directory}, and AGENTICORE_MIN_FREE_DISK is ${inGibi(leastBytes)}`
    }
  }
  return undefined
}

const inGibi = (bytes: number): string => `${(bytes / gibi).toFixed(1)} GiB`
