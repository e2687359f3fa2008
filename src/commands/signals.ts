const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
const leaves = 130

export interface Told {
  /** Aborts at the first signal. */
  readonly first: AbortSignal
  /** Aborts at the second. */
  readonly second: AbortSignal
}

/** For a server: at the third SIGINT, SIGTERM or SIGHUP the process ends, whatever it is doing. */
export async function withSignals(work: (told: Told) => Promise<void>): Promise<void> {
  const [first, second] = [new AbortController(), new AbortController()]
  let count = 0
  const onSignal = (): void => {
    count += 1
    if (count === 1) first.abort()
    else if (count === 2) second.abort()
    else process.exit(leaves)
  }
  for (const signal of signals) process.on(signal, onSignal)
  try {
    await work({ first: first.signal, second: second.signal })
  } finally {
    for (const signal of signals) process.off(signal, onSignal)
  }
}
