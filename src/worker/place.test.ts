import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { newJob } from '../../test/helpers/jobs.ts'
import { Place } from './place.ts'

function placeOf(t: Test, areJobFilesShared: boolean) {
  const job = { ...newJob(new Date()), repoUrl: 'https://example.com/o/r' }
  const root = t.testdir({ scratch: {}, jobs: {} })
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
      areJobFilesShared,
    },
    { job, fence: 1 },
  )
  for (const path of [place.configDir, place.scratch]) mkdirSync(path)
  return { place, left: () => [place.configDir, place.scratch].filter(path => existsSync(path)) }
}

t.test(
  'what the next attempt on another machine may be at work with stays; when the job is over, nothing does',
  async t => {
    const { place, left } = placeOf(t, true)
    await place.clean(t.fail, { isOver: false })
    t.strictSame(left(), [place.configDir])
    await place.clean(t.fail, { isOver: true })
    t.strictSame(left(), [])
  },
)

t.test('on a disk of its own a machine keeps nothing of a job that it has given up', async t => {
  const { place, left } = placeOf(t, false)
  await place.clean(t.fail, { isOver: false })
  t.strictSame(left(), [])
})
