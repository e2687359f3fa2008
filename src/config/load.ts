import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { messageOf } from '../util/error-code.ts'
import { readSettings, type Setting, type Settings, secretVariables } from './settings.ts'

/** A setting that cannot be used: names the variable, its value unless that is a secret, and what is allowed. */
export class SettingError extends Error {
  override readonly name = 'SettingError'
}

type Environment = Readonly<Record<string, string | undefined>>

/** What this process was given: the settings, and the variables that are handed on as they are. */
export interface Surroundings {
  readonly settings: Settings
  readonly home: string
  readonly path: string
  readonly sshAuthSock: string
  /** Proxy and certificate variables, for git and the agent. */
  readonly network: Readonly<Record<string, string>>
  /** What an agent on Bedrock or Vertex needs; empty when neither is switched on. */
  readonly cloud: Readonly<Record<string, string>>
  /** For the user's own programs: all there is, without what would steer git elsewhere, make it ask, or is ours alone. */
  readonly userEnvironment: Readonly<Record<string, string>>
}

const networkVariables =
  /^(https?_proxy|no_proxy|all_proxy|node_extra_ca_certs|ssl_cert_file|ssl_cert_dir|git_ssl_cainfo)$/i
const cloudSwitch = /^CLAUDE_CODE_USE_(BEDROCK|VERTEX)$/
const cloudVariables =
  /^(CLAUDE_CODE_USE_(BEDROCK|VERTEX)|AWS_\w+|ANTHROPIC_(BEDROCK|VERTEX)_\w+|ANTHROPIC_MODEL|CLOUD_ML_REGION|GOOGLE_\w+)$/

const notForUserPrograms = /^(GIT_(?!CONFIG_(GLOBAL|SYSTEM|NOSYSTEM)$|EXEC_PATH$)\w*|SSH_ASKPASS(_REQUIRE)?)$/

/** @throws SettingError */
export function loadSurroundings(env: Environment = process.env): Surroundings {
  const home = env.HOME || homedir()
  const cloud = pick(env, cloudVariables)
  return {
    settings: loadSettings(env, home),
    home,
    path: env.PATH ?? '',
    sshAuthSock: env.SSH_AUTH_SOCK ?? '',
    network: pick(env, networkVariables),
    userEnvironment: { ...userEnvironment(env), HOME: home },
    cloud: Object.keys(cloud).some(name => cloudSwitch.test(name)) ? cloud : {},
  }
}

/** An empty variable counts as unset. @throws SettingError */
export function loadSettings(env: Environment, home: string): Settings {
  const settings = readSettings(setting => {
    const given = givenFor(setting, env)
    if (given === '' || setting.kind.unset?.(given)) return setting.fallback(home)
    const value = setting.kind.parse(given, home)
    if (value !== undefined) return value
    const shown = setting.kind.secret ? 'a value' : JSON.stringify(given.replace(/\/\/.*@/s, '//***@'))
    throw new SettingError(`${setting.variable} is ${shown}; allowed is ${setting.kind.allowed}.`)
  })
  if (settings.webhookUrl === '' || settings.webhookSecret !== '') return settings
  throw new SettingError(
    'AGENTICORE_WEBHOOK_URL is set and AGENTICORE_WEBHOOK_SECRET is not; set both: only what is signed can be checked.',
  )
}

function givenFor<T>({ variable, kind }: Setting<T>, env: Environment): string {
  const direct = env[variable] ?? ''
  const file = env[`${variable}_FILE`] ?? ''
  if (!kind.secret || file === '') return direct
  if (direct !== '') throw new SettingError(`Both ${variable} and ${variable}_FILE are set; set one of them.`)
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    throw new SettingError(`${variable}_FILE cannot be read: ${messageOf(error)}.`)
  }
}

function userEnvironment(env: Environment): Record<string, string> {
  const ours = secretVariables()
  return pick(env, { test: name => !notForUserPrograms.test(name) && !ours.includes(name) })
}

function pick(env: Environment, wanted: { test(name: string): boolean }): Record<string, string> {
  const entries = Object.entries(env).filter(([name, value]) => wanted.test(name) && value)
  return Object.fromEntries(entries.map(([name, value]) => [name, value ?? '']))
}
