import { isTree, type Tree } from './set-flag.ts'

/** `over` counts; objects are merged key by key, lists replaced. Neither is changed. */
export function merged(under: Tree, over: Tree): Tree {
  const result = new Map(Object.entries(under))
  for (const [key, value] of Object.entries(over)) {
    const held = result.get(key)
    result.set(key, isTree(value) ? merged(isTree(held) ? held : {}, value) : value)
  }
  return Object.fromEntries(result)
}
