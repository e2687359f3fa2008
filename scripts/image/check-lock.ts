/** Ends with 1 when package-lock.json is of another package.json: `npm install` would take what it finds instead. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'

const read = (name: string) => JSON.parse(readFileSync(join(import.meta.dirname, '../..', name), 'utf8'))
const wanted = read('package.json')
const locked = read('package-lock.json').packages['']
const differing = ['name', 'version', 'dependencies', 'devDependencies', 'engines'].filter(
  key => !isDeepStrictEqual(wanted[key], locked[key]),
)
if (differing.length > 0) {
  console.error(
    `package-lock.json has other ${differing.join(', ')} than package.json: npm install --package-lock-only`,
  )
  process.exitCode = 1
}
