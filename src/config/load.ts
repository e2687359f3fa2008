import { homedir, userInfo } from 'node:os'
import { type Origins, refuseContradictions, warnOfContradictions } from './contradictions.ts'
import { readConfigFile } from './file.ts'
import { findGiven, type Given, notAllowed, type Source } from './given.ts'
import { readSettings, type Settings } from './settings.ts'
import { type Environment, environmentSource, secretVariables, warnOfUnknown, warnOfVariables } from './variables.ts'

export { SettingError } from './setting-error.ts'

/** What this process was given: the settings, and the variables that are handed on as they are. */
export interface Surroundings {
  readonly settings: Settings
  /** What is wrong with them and keeps nothing from going on, a line each. */
  readonly warnings: readonly string[]
  /** Those of them that are said to whoever gives a command: most likely a variable is misspelt. */
  readonly unknown: readonly string[]
  /** Whether somebody has set where the server is. */
  readonly isServerNamed: boolean
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

/** The environment counts before `~/.agenticore/config.yml`. @throws SettingError */
export async function loadSurroundings(env: Environment = process.env): Promise<Surroundings> {
  const home = env.HOME || homedir() || userInfo().homedir
  const cloud = pick(env, cloudVariables)
  const unknown = warnOfUnknown(env)
  const file = await readConfigFile(home)
  const { settings, origins } = loadSettings([environmentSource(env), file], home)
  return {
    settings,
    warnings: [...file.warnings, ...unknown, ...warnOfVariables(env), ...warnOfContradictions(settings, origins)],
    unknown,
    isServerNamed: ['AGENTICORE_URL', 'AGENTICORE_HOST', 'AGENTICORE_PORT'].some(name => origins.has(name)),
    home,
    path: env.PATH ?? '',
    sshAuthSock: env.SSH_AUTH_SOCK ?? '',
    network: networkOf(env),
    userEnvironment: { ...userEnvironment(env), HOME: home },
    cloud: Object.keys(cloud).some(name => cloudSwitch.test(name)) ? cloud : {},
  }
}

function loadSettings(sources: readonly Source[], home: string): { settings: Settings; origins: Origins } {
  const origins = new Map<string, Given>()
  const settings = readSettings(setting => {
    const given = findGiven(setting, sources, home)
    if (!given) return setting.fallback(home)
    const value = setting.kind.parse(given.text, home)
    if (value === undefined) throw notAllowed(given, setting.kind)
    origins.set(setting.variable, given)
    return value
  })
  refuseContradictions(settings, origins)
  return { settings, origins }
}

/** Debian's git, whose TLS is GnuTLS, heeds SSL_CERT_FILE by this name alone. */
function networkOf(env: Environment): Record<string, string> {
  const network = pick(env, networkVariables)
  const file = network.SSL_CERT_FILE
  return file === undefined ? network : { GIT_SSL_CAINFO: file, ...network }
}

function userEnvironment(env: Environment): Record<string, string> {
  const ours = secretVariables()
  return pick(env, { test: name => !notForUserPrograms.test(name) && !ours.includes(name) })
}

function pick(env: Environment, wanted: { test(name: string): boolean }): Record<string, string> {
  const entries = Object.entries(env).filter(([name, value]) => wanted.test(name) && value)
  return Object.fromEntries(entries.map(([name, value]) => [name, value ?? '']))
}
