import * as Flags from '@oclif/core/flags'

/** For commands that ask a server where there is one. */
export const localFlag = Flags.boolean({ description: 'read the jobs of this machine' })
