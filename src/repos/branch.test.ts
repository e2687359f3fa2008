import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { git, tryGit } from '../../test/fixtures/github/git.ts'
import { newJob } from '../../test/helpers/jobs.ts'
import { agentCommit, runnerGit } from '../../test/helpers/repos.ts'
import { shortId } from '../util/ids.ts'
import { branchFor } from './branch.ts'
import { resolveOrigin } from './local-origin.ts'

t.test('a branch is named by the job and the first words of its task', async t => {
  const tasks: Record<string, string> = {
    'Fix the login bug': '-fix-the-login-bug',
    'Répare l’été déjà vu': '-repare-l-ete-deja-vu',
    'ﬁx ①': '-fix-1',
    '🚀🔥': '',
    'исправь ошибку': '',
    '  --force; rm -rf / \n\t..': '-force-rm-rf',
    'a.lock @{x} ~^:?*[\\ .lock': '-a-lock-x-lock',
    ['x'.repeat(200)]: '',
    [`a ${'x'.repeat(200)} b`]: '-a',
    'one two three four five six seven eight nine ten': '-one-two-three-four-five-six-seven-eight',
    '': '',
    '...': '',
  }
  for (const [task, slug] of Object.entries(tasks)) {
    const job = newJob(new Date(), { task })
    const branch = branchFor(job)
    t.equal(branch, `agenticore/${shortId(job.id)}${slug}`, JSON.stringify(task.slice(0, 40)))
    t.equal((await tryGit('/', ['check-ref-format', '--branch', branch])).code, 0, branch)
    t.equal(branchFor({ ...job, attempt: 2, fence: 7 }), branch, 'every attempt has the same')
    t.ok(branch.length <= 'agenticore/'.length + 12 + 1 + 40)
  }
})

t.test('a repository given as a directory stands for its origin', async t => {
  // Not in the test's directory, which lies in a repository: this one's.
  const dir = await mkdtemp(join(tmpdir(), 'agenticore-origin-'))
  t.teardown(() => rm(dir, { recursive: true }))
  const runner = runnerGit()
  const at = (...names: string[]) => join(dir, ...names)
  const resolved = (text: string, cwd = dir) => resolveOrigin(runner, text, cwd)
  await git(dir, ['init', '--quiet', '--bare', 'bare.git'])
  await git(dir, ['init', '--quiet', 'plain'])
  for (const name of ['remote', 'relative']) await git(dir, ['init', '--quiet', name])
  await mkdir(at('remote/deep/er'), { recursive: true })
  await mkdir(at('relative/deep'))
  await mkdir(at('empty'))
  await git(at('remote'), ['remote', 'add', 'origin', 'git@github.com:o/r.git'])
  await git(at('relative'), ['remote', 'add', 'origin', '../bare.git'])

  for (const address of ['https://github.com/o/r', 'git@github.com:o/r.git', '', '-x', 'a\0b', 'no/such/place']) {
    t.equal(await resolved(address), address, `${JSON.stringify(address)} stays as it is`)
  }
  t.equal(await resolved('.', at('remote')), 'git@github.com:o/r.git')
  t.equal(await resolved('remote'), 'git@github.com:o/r.git')
  t.equal(await resolved(at('remote/deep/er')), 'git@github.com:o/r.git')
  t.equal(await resolved('er', at('remote/deep')), 'git@github.com:o/r.git')
  t.equal(await resolved('relative'), at('bare.git'))
  t.equal(await resolved('.', at('relative/deep')), at('bare.git'), 'relative to the repository, not to the directory')
  t.equal(await resolved('plain'), at('plain'), 'no origin: the repository itself')
  t.equal(await resolved('plain/.git'), at('plain'), 'its git directory means the same')
  t.equal(await resolved('bare.git'), at('bare.git'))
  t.equal(await resolved('refs', at('bare.git')), at('bare.git'))
  await t.rejects(resolved('empty'), { code: 'invalid_repo_url', message: /empty is no git repository/ })

  await writeFile(at('relative/a'), 'a')
  await agentCommit(at('relative'), 'first')
  await git(at('relative'), ['worktree', 'add', '--quiet', '--detach', at('linked')])
  t.equal(await resolved('linked'), at('bare.git'), 'relative to a linked working tree, as git takes it')
})
