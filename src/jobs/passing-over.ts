import { hasCode, messageOf } from '../util/error-code.ts'
import { AgenticoreError } from './errors.ts'

export type PassingOver = <T>(read: () => Promise<T>) => Promise<T | undefined>

/** A record that cannot be read is said, and no reason to stop: the others are as good as ever. */
export const passingOver =
  (warn: (message: string) => void): PassingOver =>
  async read => {
    try {
      return await read()
    } catch (error) {
      const unreadable = error instanceof AgenticoreError && ['corrupt_record', 'newer_record'].includes(error.code)
      if (!unreadable && !hasCode(error, 'EACCES', 'EPERM', 'EISDIR', 'EIO')) throw error
      warn(`Passed over: ${messageOf(error)}`)
      return undefined
    }
  }
