const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export interface Interrupts {
  first(): void
  second(): Promise<void>
}

/**
 * Runs `work` with a signal that aborts at the first Ctrl-C (or SIGTERM, SIGHUP). The second one calls `second`; later
 * ones change nothing: the work is already on its way to its end.
 */
export async function withInterrupts<T>(interrupts: Interrupts, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  let count = 0
  let second: Promise<void> | undefined
  const onSignal = (): void => {
    count += 1
    if (count === 1) {
      interrupts.first()
      controller.abort(new Error('interrupted'))
    }
    if (count !== 2) return
    second = interrupts.second()
    // Awaited below, when the work has ended; until then a failure is nobody's.
    second.catch(() => undefined)
  }
  for (const signal of signals) process.on(signal, onSignal)
  try {
    const result = await work(controller.signal)
    await second
    return result
  } finally {
    for (const signal of signals) process.off(signal, onSignal)
  }
}
