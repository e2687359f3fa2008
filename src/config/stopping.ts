/** For jobs to end, or to be handed over: what `drain` and a server that is told to stop take, if nothing else is said. */
export const drainSeconds = 270

export const orderOfClosing = ['server', 'control', 'agentihooks', 'chores', 'webhook', 'store', 'traces'] as const

/**
 * What closing may spend on each thing; what takes longer is left. With the drain before it, all of it is
 * over before the grace period (compose, Kubernetes: 300 s), at whose end the process is killed.
 */
export const closingMs = {
  server: 6000,
  control: 500,
  agentihooks: 3000,
  chores: 3000,
  webhook: 5000,
  store: 3000,
  traces: 3000,
} as const satisfies Readonly<Record<(typeof orderOfClosing)[number], number>>
