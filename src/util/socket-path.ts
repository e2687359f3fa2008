import { open } from 'node:fs/promises'
import { basename, dirname } from 'node:path'

/** What sockaddr_un holds, with its zero at the end (unix(7)). */
const mostBytes = 107

/**
 * Calls `use` with the path of a socket in a form the kernel takes: one that is too long goes by way of its directory,
 * held open for as long as that takes.
 */
export async function withSocketPath<T>(path: string, use: (path: string) => Promise<T>): Promise<T> {
  if (Buffer.byteLength(path) <= mostBytes) return await use(path)
  const directory = await open(dirname(path))
  try {
    return await use(`/proc/self/fd/${directory.fd}/${basename(path)}`)
  } finally {
    await directory.close()
  }
}
