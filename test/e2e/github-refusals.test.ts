import t from 'tap'
import { branchTip } from '../fixtures/github/git.ts'
import { refusals } from '../fixtures/github/refusals.ts'
import type { Failure } from '../fixtures/github/server.ts'
import { cliTo, startDaemon } from '../helpers/daemon.ts'
import { bash, scriptedAgent, world } from '../helpers/e2e.ts'

const create = { method: 'POST', path: /\/pulls$/ }

/** What GitHub answers to the first create, how many creates there are then, and what the job says of it. */
const cases: Readonly<Record<string, { fault: Failure; creates: number; error?: RegExp; waits?: RegExp }>> = {
  '401': { fault: { ...create, ...refusals.badCredentials }, creates: 1, error: /answered 401: Bad credentials/ },
  '403': { fault: { ...create, ...refusals.forbidden }, creates: 1, error: /answered 403: Resource not accessible/ },
  '404': { fault: { ...create, ...refusals.notFound }, creates: 1, error: /answered 404: Not Found/ },
  '422, no history': { fault: { ...create, ...refusals.noHistory }, creates: 1, error: /no history in common/ },
  '422, exists': { fault: { ...create, ...refusals.pullExists }, creates: 2 },
  'a secondary rate limit': {
    fault: { ...create, ...refusals.secondaryLimit(1) },
    creates: 2,
    waits: /secondary rate limit.*; next try in \d+ s/,
  },
  '500 before it did anything': { fault: { ...create, ...refusals.serverError }, creates: 2 },
  '500 after it did everything': { fault: { ...create, ...refusals.serverError, late: true }, creates: 1 },
  'a reset before it did anything': { fault: { ...create, reset: true }, creates: 2 },
  'a reset after it did everything': { fault: { ...create, reset: true, late: true }, creates: 1 },
}

t.test(
  'whatever GitHub answers, the work is pushed, the job has succeeded, and one pull request is open at most',
  async t => {
    const work = bash('echo 2 > app.txt')
    const { github, cli } = await world(t, [{ turns: [work, { text: 'Done.' }] }], scriptedAgent)
    const daemon = await startDaemon(t, cli)
    const laptop = cliTo(daemon, cli)
    for (const [name, { fault, creates, error, waits }] of Object.entries(cases)) {
      const repo = await github.createRepo({
        owner: 'octo',
        name: name.replaceAll(/\W+/g, '-'),
        files: { 'app.txt': '1\n' },
      })
      const fullName = new URL(repo.cloneUrl).pathname.slice(1).replace(/\.git$/, '')
      github.fail(fault)
      const body = { task: name, repo_url: repo.cloneUrl, wait: true }
      const { job } = (await daemon.request('POST', '/jobs', { body })).json
      if (waits) t.match((await laptop(['logs', job.id])).stdout, waits, name)
      t.match(job, { status: 'succeeded', changed_files: 1 }, name)
      t.equal(await branchTip(repo.path, job.branch), job.head_sha, `${name}: the branch is there`)
      const asked = github.requests.filter(
        ({ method, path }) => method === 'POST' && path === `/repos/${fullName}/pulls`,
      )
      t.equal(asked.length, creates, `${name}: creates`)
      t.equal(github.pulls(fullName).length, error ? 0 : 1, `${name}: pull requests`)
      if (error) t.match(job.pr_error, error, name)
      else t.equal(job.pr_url, `${github.url}/${fullName}/pull/1`, name)
    }
  },
)
