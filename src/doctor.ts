import { mkdir, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { gitHubAddress } from './github/hosts.ts'
import { isolationFor } from './isolation.ts'
import type { FindCredential } from './jobs/credentials.ts'
import { AgenticoreError } from './jobs/errors.ts'
import { examineLocks } from './lock-check.ts'
import type { LocalParts } from './parts.ts'
import { runCommand } from './process/command.ts'
import { which } from './process/which.ts'
import { whyNotInFront } from './profiles/agentihooks/checkout.ts'
import { readOutcome } from './profiles/agentihooks/outcome.ts'
import { agentihooksPlaces } from './profiles/agentihooks/places.ts'
import { installedProgram } from './profiles/agentihooks/program.ts'
import { messageOf } from './util/error-code.ts'

/** One thing that agenticore needs on this machine, and how it is. */
export interface Finding {
  readonly check: string
  readonly status: 'ok' | 'warning' | 'error'
  readonly message: string
  /** What to do; absent when all is well. */
  readonly remedy?: string
}

export interface DoctorParts extends LocalParts {
  /** @throws AgenticoreError for what keeps agents from running here */
  checkAgent(): Promise<string>
  readonly findCredential: FindCredential
}

const smallDisk = 2 * 1024 ** 3
const oldestGit = [2, 31] as const

/** Looks at everything; a check that fails says so and keeps none of the others from being made. */
export async function examine(parts: DoctorParts): Promise<Finding[]> {
  const { settings } = parts.surroundings
  const checks = [
    () => examineSettings(parts),
    () => examineGit(parts),
    () => examineAgent(parts),
    () => examineGitHub(parts),
    () => examineIsolation(parts),
    () => examineAgentihooks(parts),
    ...[
      ['jobs', settings.jobsDir],
      ['working trees', settings.worktreeRoot],
      ['clone cache', settings.reposRoot],
    ].map(
      ([check = '', directory = '']) =>
        () =>
          examineDirectory(check, directory),
    ),
    () => examineLocks(settings.jobsDir),
    () => examineFleet(parts),
  ]
  return (await Promise.all<Finding | Finding[]>(checks.map(check => check()))).flat()
}

/** Nothing where the settings name no Redis; else what it is, and a finding for each thing that is wrong with it. */
async function examineFleet({ surroundings: { settings } }: DoctorParts): Promise<Finding[]> {
  const check = 'Redis'
  if (settings.redisUrl === '') return []
  try {
    const { lookAtRedis } = await import('./redis-visit.ts')
    const { about, dangers } = await lookAtRedis(settings)
    if (dangers.length === 0) return [{ check, status: 'ok', message: `${about}, set as jobs need it` }]
    return dangers.map(danger => ({ check, ...danger, message: `${about}: ${danger.message}` }))
  } catch (error) {
    const remedy =
      'Look whether it runs, and whether REDIS_URL leads there from this machine. No job is claimed until then.'
    return [{ check, status: 'error', message: messageOf(error), remedy }]
  }
}

async function examineSettings({ surroundings: { warnings } }: DoctorParts): Promise<Finding> {
  const check = 'settings'
  if (warnings.length === 0) return { check, status: 'ok', message: 'each one is known, and allowed' }
  const remedy = 'docs/settings.md lists them.'
  return { check, status: 'warning', message: warnings.join('; '), remedy }
}

async function examineGit({ surroundings: { path } }: DoctorParts): Promise<Finding> {
  const check = 'git'
  const remedy = `Install git ${oldestGit.join('.')} or newer.`
  if ((await which('git', path)) === undefined) return { check, status: 'error', message: 'not on the PATH', remedy }
  const { stdout } = await runCommand({ file: 'git', args: ['--version'], env: { PATH: path } })
  const [, major = '0', minor = '0'] = /(\d+)\.(\d+)/.exec(stdout) ?? []
  const tooOld = Number(major) < oldestGit[0] || (Number(major) === oldestGit[0] && Number(minor) < oldestGit[1])
  return tooOld
    ? { check, status: 'error', message: stdout.trim(), remedy }
    : { check, status: 'ok', message: stdout.trim() }
}

async function examineAgent({ checkAgent }: DoctorParts): Promise<Finding> {
  try {
    return { check: 'agent', status: 'ok', message: await checkAgent() }
  } catch (error) {
    const remedy = error instanceof AgenticoreError ? { remedy: error.remedy } : {}
    return { check: 'agent', status: 'error', message: messageOf(error), ...remedy }
  }
}

async function examineGitHub({ surroundings: { settings }, findCredential }: DoctorParts): Promise<Finding> {
  const check = 'GitHub'
  const address = gitHubAddress('owner/name', { apiUrl: settings.githubApiUrl })
  const lookup = await findCredential(address, new AbortController().signal)
  if (lookup.kind === 'found') {
    return { check, status: 'ok', message: `${address.host} is asked with ${lookup.credential.source}` }
  }
  return {
    check,
    status: 'warning',
    message: `no credential for ${address.host} (${lookup.why}): no private repositories, no pull requests`,
    remedy: 'Set GITHUB_TOKEN to a token that can write contents and pull requests, or log in with `gh auth login`.',
  }
}

async function examineIsolation({ surroundings }: DoctorParts): Promise<Finding> {
  const check = 'isolation'
  try {
    const isolation = await isolationFor(surroundings)
    if (isolation.kind === 'user') return { check, status: 'ok', message: 'user: each agent is a user of its own' }
    const why =
      isolation.missing.length > 0 ? `; for users of their own there is missing: ${isolation.missing.join(', ')}` : ''
    return {
      check,
      status: 'warning',
      message: `none: agents can read and do what you can${why}`,
      remedy: 'Give it tasks and repositories that you would run yourself, or run it in a container.',
    }
  } catch (error) {
    return {
      check,
      status: 'error',
      message: messageOf(error),
      remedy: 'Unset AGENTICORE_AGENT_ISOLATION, or give it what is missing.',
    }
  }
}

async function examineAgentihooks({ surroundings }: DoctorParts): Promise<Finding> {
  const check = 'agentihooks'
  const { agentihooksPath: checkout, agentihooksUrl: url } = surroundings.settings
  const installed = await installedProgram(surroundings.path)
  const wrong = checkout === '' ? undefined : await whyNotInFront(checkout, installed)
  if (wrong !== undefined) {
    const remedy = 'AGENTICORE_AGENTIHOOKS_PATH names a checkout; its libraries come from an agentihooks on the PATH.'
    return { check, status: 'error', message: wrong, remedy }
  }
  const last = await readOutcome(agentihooksPlaces(surroundings).outcome)
  if (last?.wanted === (checkout || url) && !last.ok) {
    const message = `when a server started last, at ${last.at}: ${last.says}`
    return { check, status: 'warning', message, remedy: 'Jobs run without it. docs/agentihooks.md says what it takes.' }
  }
  if (checkout !== '') return { check, status: 'ok', message: `the checkout ${checkout}, in a server` }
  if (url !== '') return { check, status: 'ok', message: `cloned from ${url} when a server starts` }
  const message = installed ? `${installed.file}, in a server` : 'not installed; jobs run without it'
  return { check, status: 'ok', message }
}

async function examineDirectory(check: string, directory: string): Promise<Finding> {
  const remedy = 'Make room there, or set another directory (docs/settings.md).'
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const probe = join(directory, `.probe-${crypto.randomUUID()}`)
    await mkdir(probe)
    await rm(probe, { recursive: true })
    const { bavail, bsize } = await statfs(directory)
    const free = `${directory}, ${(Number(bavail * bsize) / 1024 ** 3).toFixed(1)} GiB free`
    return bavail * bsize < smallDisk
      ? { check, status: 'warning', message: free, remedy }
      : { check, status: 'ok', message: free }
  } catch (error) {
    return { check, status: 'error', message: messageOf(error), remedy }
  }
}
