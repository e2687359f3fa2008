import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Logger } from 'pino'
import type { Surroundings } from './config/load.ts'
import { AgenticoreError } from './jobs/errors.ts'
import { openLog } from './log.ts'
import { secretsOf } from './parts.ts'
import { type KernelLock, tryKernelLock } from './util/kernel-lock.ts'
import { Secrets } from './util/redact.ts'

/** What a daemon has from before its first step to after its last one. */
export interface Means {
  readonly log: Logger
  /** What is known of them keeps out of the log. */
  readonly secrets: Secrets
  readonly lock: KernelLock
}

/** @throws AgenticoreError `already_serving` */
export async function openMeans(surroundings: Surroundings): Promise<Means> {
  const secrets = new Secrets(secretsOf(surroundings))
  const log = await openLogFor(surroundings, secrets)
  return { log, secrets, lock: await lockSocket(surroundings.settings.controlSocket) }
}

async function openLogFor(surroundings: Surroundings, { redact }: Secrets): Promise<Logger> {
  const { logLevel: level, logFormat } = surroundings.settings
  const format = logFormat === 'auto' ? (process.stderr.isTTY ? 'text' : 'json') : logFormat
  return await openLog({ level, format, redact })
}

/** One daemon a socket: who has the lock may throw away what another one left there. */
async function lockSocket(socket: string): Promise<KernelLock> {
  await mkdir(dirname(socket), { recursive: true, mode: 0o700 })
  const lock = await tryKernelLock(`${socket}.lock`)
  if (lock) return lock
  throw new AgenticoreError('already_serving', `Another agenticore serve has the control socket ${socket}.`)
}
