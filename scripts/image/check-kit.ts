/** What the checks of an image have in common: the composed services, and a line for each promise. */
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { styleText } from 'node:util'
import { execa } from 'execa'

export const root = join(import.meta.dirname, '../..')
const [composeFile = '', ...composeArgs] = (process.env.COMPOSE ?? 'docker compose').split(' ')
export const engine = process.env.ENGINE ?? 'docker'
export const place = mkdtempSync(join(tmpdir(), 'agenticore-check-'))
export const canary = `canary-${crypto.randomUUID().slice(0, 8)}`
export const secrets = {
  'api-keys': `${canary}-door`,
  'anthropic-api-key': `sk-ant-${canary}`,
  'github-token': `${canary}-github`,
}
export const address = 'http://127.0.0.1:8299'
const env = {
  AGENTICORE_SECRETS: join(place, 'secrets'),
  AGENTICORE_PUBLISH: '127.0.0.1:8299',
  CHECK_TOKEN: secrets['github-token'],
  CHECK_MODEL_KEY: secrets['anthropic-api-key'],
}
/** How many promises were not kept. */
export const tally = { failed: 0 }

export function report(promise: string, isKept: boolean, found = ''): void {
  if (!isKept) tally.failed += 1
  const mark = isKept ? styleText('green', '✔') : styleText('red', '✖')
  console.log(`${mark} ${promise}${found === '' ? '' : `: ${found}`}`)
}

export async function compose(args: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<string> {
  const files = ['-p', 'agenticore-check', '-f', 'compose.yaml', '-f', 'scripts/image/compose.check.yaml']
  const { stdout } = await execa(composeFile, [...composeArgs, ...files, ...args], {
    cwd: root,
    env: { ...env, ...more },
  })
  return stdout
}

const end = 'that was all'

/**
 * In the container of the server, as root or as who is given. @throws Error when it did not come to its end: nothing said is
 * no promise kept
 */
export async function inside(script: string, ...options: string[]): Promise<string> {
  const whole = `${script}\necho '${end}'`
  const { stdout } = await execa(engine, ['exec', ...options, await container(), 'sh', '-c', whole], { reject: false })
  if (!stdout.endsWith(end)) throw new Error(`This did not run to its end in the container: ${script}`)
  return stdout.slice(0, -end.length).trim()
}

/** The same, and nobody waits for it. */
export async function insideMeanwhile(script: string): Promise<void> {
  await execa(engine, ['exec', '-d', await container(), 'sh', '-c', script])
}

/** Starts everything anew, with other settings; the volumes stay. Who shares its network has to go with the server. */
export async function restartedWith(settings: Readonly<Record<string, string>>): Promise<void> {
  await restarted([], settings)
}

/** The same, with what belongs to a profile. */
export async function restartedIn(profile: string): Promise<void> {
  await restarted(['--profile', profile], {})
}

async function restarted(flags: readonly string[], settings: Readonly<Record<string, string>>): Promise<void> {
  found = undefined
  await compose([...flags, 'down', '-t', '0'])
  await compose([...flags, 'up', '-d', '--wait'], settings)
}

let found: string | undefined
export async function container(): Promise<string> {
  found ??= (await compose(['ps', '-aq', 'agenticore'])).trim().split('\n').at(-1) ?? ''
  return found
}

export async function request(method: string, path: string, body?: unknown, key: string = secrets['api-keys']) {
  const response = await fetch(`${address}${path}`, {
    method,
    headers: { 'content-type': 'application/json', ...(key === '' ? {} : { 'x-api-key': key }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, json: text.startsWith('{') || text.trim().startsWith('{') ? JSON.parse(text) : {} }
}

export async function until<T>(look: () => Promise<T | undefined | false>, limitMs = 60_000): Promise<T> {
  for (const end = Date.now() + limitMs; Date.now() < end; await delay(200)) {
    const seen = await look().catch(() => undefined)
    if (seen) return seen
  }
  throw new Error(`Waited in vain for ${look}`)
}

export function layOutSecrets(): void {
  mkdirSync(join(place, 'secrets'), { mode: 0o700 })
  for (const [name, value] of Object.entries(secrets)) {
    writeFileSync(join(place, 'secrets', name), value)
    // Whoever they belong to on the host.
    chmodSync(join(place, 'secrets', name), 0o644)
  }
}
