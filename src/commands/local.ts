import * as Flags from '@oclif/core/flags'

/** For commands that ask a server where there is one. */
export const localFlag = Flags.boolean({ description: 'the jobs of this machine, and not those of a server' })
