import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { execa } from 'execa'

/** Every operation takes that long; attributes and names the kernel has asked for, it believes that long, as NFS does. */
export const slowness = { pauseMs: 1, cacheSeconds: 1 }

export interface SlowDirectory {
  readonly path: string
  /** How many operations of the kernel there have been, by name. */
  operations(): ReadonlyMap<string, number>
  unmount(): Promise<void>
}

/** Of linux/fuse.h, by number. */
const names: Readonly<Record<number, string>> = {
  1: 'lookup',
  3: 'getattr',
  4: 'setattr',
  5: 'readlink',
  6: 'symlink',
  8: 'mknod',
  9: 'mkdir',
  10: 'unlink',
  11: 'rmdir',
  12: 'rename',
  13: 'link',
  14: 'open',
  15: 'read',
  16: 'write',
  17: 'statfs',
  18: 'release',
  20: 'fsync',
  22: 'getxattr',
  25: 'flush',
  27: 'opendir',
  28: 'readdir',
  29: 'releasedir',
  30: 'fsyncdir',
  34: 'access',
  35: 'create',
  44: 'readdirplus',
  45: 'rename',
}

/** @returns why there is none, where there can be none */
export async function mountSlowDirectory(place: string, signal: AbortSignal): Promise<SlowDirectory | string> {
  const program = join(place, 'slow-directory')
  const problem = await compile(program, place, signal)
  if (problem !== undefined) return problem
  const here = mkdtempSync(join(place, 'slow-'))
  const [backing, path, counts] = [join(here, 'backing'), join(here, 'mount'), join(here, 'counts')]
  for (const directory of [backing, path]) mkdirSync(directory)
  const args = [backing, path, counts, String(slowness.pauseMs * 1000), String(slowness.cacheSeconds)]
  // Not in our process group: a Ctrl-C is for us, and the mount outlives whoever works in it.
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  const ended = once(child, 'close')
  const complaint = text(child.stderr)
  const [first] = await Promise.race([once(child.stdout, 'data'), ended])
  if (String(first) !== 'ready\n') return lastLine(await complaint) || 'it cannot be mounted'
  return {
    path,
    operations: () => operationsIn(readFileSync(counts)),
    async unmount() {
      child.kill('SIGTERM')
      await ended
    },
  }
}

function operationsIn(counts: Buffer): Map<string, number> {
  const operations = new Map<string, number>()
  for (let opcode = 0; opcode * 8 < counts.length; opcode++) {
    const count = Number(counts.readBigUInt64LE(opcode * 8))
    const name = names[opcode] ?? `operation ${opcode}`
    if (count > 0) operations.set(name, (operations.get(name) ?? 0) + count)
  }
  return operations
}

/** With the machine's libfuse3 headers, or with those of Debian's package, taken out of it into our own place. */
async function compile(program: string, place: string, signal: AbortSignal): Promise<string | undefined> {
  const source = join(import.meta.dirname, 'slow-directory.c')
  const packages = join(place, 'packages')
  const run = (file: string, args: readonly string[], cwd = place) =>
    execa(file, args, { cwd, reject: false, cancelSignal: signal, stdin: 'ignore' })
  const build = async (include: string, ...library: string[]) => {
    const given = ['-O2', '-D_FILE_OFFSET_BITS=64', `-I${include}`, '-o', program, source, ...library]
    return await run('cc', [...given, '-l:libfuse3.a', '-ldl', '-lpthread'])
  }
  const own = await build('/usr/include/fuse3')
  if (!own.failed) return undefined
  if (own.code === 'ENOENT') return 'there is no C compiler'
  mkdirSync(packages)
  await run('apt-get', ['download', 'libfuse3-dev'], packages)
  await run('sh', ['-c', 'for package in *.deb; do dpkg -x "$package" .; done'], packages)
  const machine = await run('cc', ['-print-multiarch'])
  const brought = await build(
    join(packages, 'usr/include/fuse3'),
    `-L${join(packages, 'usr/lib', machine.stdout ?? '')}`,
  )
  return brought.failed
    ? `libfuse3-dev is neither here nor to be had (${own.stderr?.split('\n').find(line => line.includes('error')) ?? ''})`
    : undefined
}

const lastLine = (output: string): string => output.trim().split('\n').at(-1) ?? ''
