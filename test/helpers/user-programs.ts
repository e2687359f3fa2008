import { mkdirSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { gitEnv } from '../fixtures/github/git.ts'
import { script } from './repos.ts'

/** A home directory with a git configuration, a PATH with programs of its own in front, and what these were asked. */
export interface UserHome {
  readonly env: { readonly HOME: string; readonly PATH: string }
  readonly home: string
  readonly bin: string
  /** `git credential` has a helper from now on: a shell script's body, the operation in `$1`. */
  setHelper(body: string, config?: string): Promise<void>
  /** `gh` is on the PATH from now on. */
  setGh(body: string): Promise<void>
  /** What the helper and gh were called with, one call a line. */
  calls(): Promise<string[]>
}

export function userHome(t: Test): UserHome {
  const root = t.testdir({ home: {}, bin: {}, calls: '' })
  return userHomeIn(root)
}

/** The same in a directory that is there already. */
export function userHomeIn(root: string, home = join(root, 'home')): UserHome {
  const bin = join(root, 'bin')
  const log = join(root, 'calls')
  for (const directory of [home, bin]) mkdirSync(directory, { recursive: true })
  writeFileSync(log, '')
  const note = (name: string) => `echo "${name} $*" >> '${log}'`
  return {
    env: { HOME: home, PATH: `${bin}:${gitEnv.PATH}` },
    home,
    bin,
    async setHelper(body, config = '') {
      const path = await script(join(root, 'helper'), `${note('helper')}\n${body}`)
      writeFileSync(join(home, '.gitconfig'), `[credential]\n\thelper = ${path}\n${config}`)
    },
    async setGh(body) {
      await script(join(bin, 'gh'), `${note('gh')}\n${body}`)
    },
    calls: async () => (await readFile(log, 'utf8')).split('\n').filter(Boolean),
  }
}

/** The body of a helper that has one credential for everybody. */
export const gives = (username: string, password: string): string =>
  `[ "$1" = get ] && printf 'username=%s\\npassword=%s\\n' '${username}' '${password}'`
