import { merged } from './merged.ts'
import type { Values } from './values.ts'

/** Whom the image makes itself: agenticore, and the group of what it writes. */
const user = 1000

const closed = { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true }

/** Root steps down at once; these four are what a user of its own for each agent takes, and nothing else is there to be had. */
const withUsers = {
  runAsUser: 0,
  runAsGroup: 0,
  ...closed,
  capabilities: { drop: ['ALL'], add: ['SETUID', 'SETGID', 'KILL', 'CHOWN'] },
}

/** As the restricted pod standard wants it. */
const withoutUsers = {
  runAsNonRoot: true,
  runAsUser: user,
  runAsGroup: user,
  ...closed,
  capabilities: { drop: ['ALL'] },
}

export const containerSecurity = ({ agent, securityContext }: Values): object =>
  merged(agent.isolation === 'user' ? withUsers : withoutUsers, securityContext)

const seccomp = { seccompProfile: { type: 'RuntimeDefault' } }
/** The volumes' group; with users of their own it would be an agent's, too, of what it makes there. */
const group = { fsGroup: user, fsGroupChangePolicy: 'OnRootMismatch' }

export const podSecurity = ({ agent, podSecurityContext }: Values): object =>
  merged(agent.isolation === 'user' ? seccomp : { ...group, ...seccomp }, podSecurityContext)
