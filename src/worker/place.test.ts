import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { newJob } from '../../test/helpers/jobs.ts'
import { Place } from './place.ts'

t.test(
  'what the next attempt on another machine may be at work with stays; when the job is over, nothing does',
  async t => {
    const job = { ...newJob(new Date()), repoUrl: 'https://example.com/o/r' }
    const root = t.testdir({ scratch: { [job.id]: {} }, jobs: { [job.id]: { '.claude': {} } } })
    const nothing = async (): Promise<never> => {
      throw new Error('not asked for here')
    }
    const place = new Place(
      {
        workspaces: { open: nothing, forget: async () => undefined },
        slots: { acquire: async () => undefined },
        profiles: { resolve: nothing, materialize: nothing },
        agent: { check: nothing },
        scratchRoot: join(root, 'scratch'),
        jobFilesRoot: join(root, 'jobs'),
      },
      { job, fence: 1 },
    )
    const left = (): string[] => [place.configDir, place.scratch].filter(path => existsSync(path))
    await place.clean(t.fail, { isOver: false })
    t.strictSame(left(), [place.configDir])
    await place.clean(t.fail, { isOver: true })
    t.strictSame(left(), [])
  },
)
