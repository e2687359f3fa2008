import { closingMs, orderOfClosing } from './config/stopping.ts'
import type { Clock } from './util/clock.ts'
import { messageOf } from './util/error-code.ts'
import { unlessAborted } from './util/unless-aborted.ts'

/** Closes one thing after the other, whatever the others do, and however long: each has its time, and is left after it. */
export async function closeAll(
  steps: Readonly<Record<keyof typeof closingMs, () => Promise<unknown>>>,
  { clock, warn }: { readonly clock: Clock; warn(message: string): void },
): Promise<void> {
  for (const thing of orderOfClosing) {
    const deadline = clock.deadline(closingMs[thing], new Error('it takes too long, and is left'))
    try {
      await unlessAborted(steps[thing](), deadline.signal)
    } catch (error) {
      warn(`Closing (${thing}): ${messageOf(error)}`)
    } finally {
      deadline.stop()
    }
  }
}
