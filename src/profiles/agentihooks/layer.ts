import { access, mkdir, readdir, readFile, rename, symlink, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode } from '../../util/error-code.ts'
import { removeTree } from '../../util/remove-tree.ts'
import { isFields } from '../merge.ts'

/** A link to what the last installation brought; all of it is there together, or not at all. */
const currentIn = (layer: string): string => join(layer, 'current')
export const baseIn = (layer: string): string => join(currentIn(layer), 'base')
export const profilesIn = (layer: string): string => join(currentIn(layer), 'profiles')

const manifestName = 'manifest.json'

/** A new place in a layer, of which nobody knows as yet. */
export async function freshIn(layer: string): Promise<string> {
  const fresh = join(layer, crypto.randomUUID())
  await mkdir(fresh, { recursive: true, mode: 0o755 })
  return fresh
}

/**
 * Jobs that start from now on have this one.
 * @param needs paths without which what is in it does not work
 */
export async function makeCurrent(layer: string, fresh: string, needs: readonly string[]): Promise<void> {
  const there = await Promise.all(needs.map(async path => ((await isThere(path)) ? [path] : [])))
  await writeFile(join(fresh, manifestName), JSON.stringify({ needs: [...new Set(there.flat())] }))
  const link = `${fresh}.link`
  await symlink(fresh, link)
  await rename(link, currentIn(layer))
}

/** What earlier ones have left. */
export const removeOthers = (layer: string, fresh: string): Promise<void> =>
  removeAllBut([currentIn(layer), fresh], layer)

/** Jobs that start from now on have nothing of it. */
export async function forgetLayer(layer: string): Promise<void> {
  await unlink(currentIn(layer)).catch((error: unknown) => {
    if (!hasCode(error, 'ENOENT')) throw error
  })
  await removeAllBut([], layer)
}

/** Why what an earlier installation has left is not to be used: hooks that cannot be started would block every task. */
export async function whyUnusable(layer: string): Promise<string | undefined> {
  const needs = await needsOf(layer)
  if (needs === undefined) return undefined
  for (const path of needs) {
    if (!(await isThere(path))) return `what agentihooks installed is not used: ${path} is gone`
  }
  return undefined
}

/** Undefined where nothing is installed. */
async function needsOf(layer: string): Promise<string[] | undefined> {
  try {
    const manifest: unknown = JSON.parse(await readFile(join(currentIn(layer), manifestName), 'utf8'))
    const needs = isFields(manifest) && Array.isArray(manifest.needs) ? manifest.needs : []
    return needs.filter(path => typeof path === 'string')
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined
    throw error
  }
}

async function removeAllBut(kept: readonly string[], layer: string): Promise<void> {
  const names = await readdir(layer).catch(() => [])
  for (const path of names.map(name => join(layer, name))) if (!kept.includes(path)) await removeTree(path)
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch {
    return false
  }
}
