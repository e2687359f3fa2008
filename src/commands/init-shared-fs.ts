import { join } from 'node:path'
import * as Flags from '@oclif/core/flags'
import { AgenticoreError } from '../api/wire.ts'
import { loadSurroundings } from '../config/load.ts'
import { layOut, type SharedPlaces } from '../shared-fs.ts'
import { AgenticoreCommand } from './command.ts'

export default class InitSharedFs extends AgenticoreCommand {
  static override summary = 'Lay out the volume that servers of a fleet share.'

  static override description =
    `It makes what is missing and leaves what is there. A clone of somebody else's making that is in the way of the cache
is moved aside; nothing is deleted. It may be run again, and by several at once.`

  static override examples = [
    '<%= config.bin %> init-shared-fs --shared-root /shared',
    'AGENTICORE_SHARED_FS_ROOT=/shared <%= config.bin %> init-shared-fs',
  ]

  static override flags = {
    'shared-root': Flags.string({
      helpValue: 'DIR',
      description: 'where it is mounted (AGENTICORE_SHARED_FS_ROOT; with it, _REPOS_ROOT and _JOBS_DIR count, too)',
    }),
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(InitSharedFs)
    for (const laid of await layOut(await places(flags['shared-root'])))
      this.print(
        laid.was === 'moved aside' ? `${laid.place}  moved aside, to ${laid.to}` : `${laid.place}  ${laid.was}`,
      )
  }
}

async function places(root: string | undefined): Promise<SharedPlaces> {
  if (root !== undefined) return { root, reposRoot: join(root, 'repos'), jobsDir: join(root, 'job-state') }
  const { sharedFsRoot, reposRoot, jobsDir } = (await loadSurroundings()).settings
  if (sharedFsRoot !== '') return { root: sharedFsRoot, reposRoot, jobsDir }
  throw new AgenticoreError('invalid_request', 'Which volume? Give --shared-root, or set AGENTICORE_SHARED_FS_ROOT.')
}
