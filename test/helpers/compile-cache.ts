import { join } from 'node:path'

/** For Node's processes that are started with an environment of their own: compiled code is not what is tested. */
export const compileCache = { NODE_COMPILE_CACHE: join(import.meta.dirname, '../../.tap/compile-cache') } as const
