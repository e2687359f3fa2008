/** What is outside of the cluster, as pods see it: a GitHub, a model, and somebody whom agents wait for. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { git } from '../../test/fixtures/github/git.ts'
import { type GitHub, type Pull, startGitHub } from '../../test/fixtures/github/server.ts'
import { type Model, startModel } from '../../test/fixtures/model/server.ts'
import { bash } from '../../test/helpers/e2e.ts'
import { lookFor } from '../image/look.ts'
import { openFront } from './front.ts'
import { Holds, holdCommand } from './holds.ts'

/** This machine, as pods see it. */
const host = '10.77.0.1'
const ports = { model: 9101, github: 9443, holds: 9103 }
export const modelUrl = `http://${host}:${ports.model}`
export const gitHubUrl = `https://${host}:${ports.github}`

export const canary = `canary-${crypto.randomUUID().slice(0, 8)}`
export const githubToken = `ghp_${canary}-github`
export const modelKey = `sk-ant-${canary}-model`

/** What tells the model which script to follow; it goes in front of a task. */
export const agents = { quick: 'quick-agent', held: 'held-agent', spy: 'spying-agent', echo: 'echo hello world' }

const mark = 'date +%s.%N >"work-$(basename "$PWD").txt"'
const places = ' /shared /var/run /mnt'
const spy = `echo "found:[$(${lookFor(canary, places)})] uid:$(id -u) $(grep CapEff /proc/self/status) $(grep Seccomp: /proc/self/status)"`

function scripts() {
  const hold = holdCommand(host, ports.holds)
  const asksAgain = { tools: [{ name: 'Bash', input: { command: hold, timeout: 600_000 } }] }
  const begins = { tools: [{ name: 'Bash', input: { command: `${mark}; ${hold}`, timeout: 600_000 } }] }
  const done = { text: 'done' }
  return [
    { match: agents.quick, turns: [bash(`${mark}; sleep 2`), done] },
    { match: agents.held, turns: [begins, asksAgain, asksAgain, asksAgain, done] },
    { match: agents.spy, turns: [bash(spy), done] },
    { match: agents.echo, turns: [bash('echo hello world'), { text: 'hello world' }] },
  ]
}

export interface Repository {
  readonly url: string
  /** The names of all branches but the default one. */
  branches(): Promise<string[]>
  pulls(): Pull[]
  /** The bare repository's directory. */
  readonly path: string
}

export interface Outside {
  readonly holds: Holds
  readonly model: Model
  readonly github: GitHub
  repository(name: string): Promise<Repository>
  stop(): Promise<void>
}

export async function openOutside(): Promise<Outside> {
  const place = mkdtempSync(join(tmpdir(), 'agenticore-cluster-'))
  const github = await startGitHub({ root: join(place, 'github'), token: githubToken })
  const model = await startModel({ require_key: modelKey, scripts: scripts() })
  const holds = new Holds()
  await holds.listen(ports.holds, host)
  const portOf = (url: string): number => Number(new URL(url).port)
  const closeModel = await openFront({ host, port: ports.model, to: portOf(model.url) }, 'tcp')
  const closeGitHub = await openFront({ host, port: ports.github, to: portOf(github.url) }, 'tls')
  return {
    holds,
    model,
    github,
    async repository(name) {
      const { path } = await github.createRepo({ owner: 'octo', name, files: { 'README.md': `# ${name}\n` } })
      return {
        url: `${gitHubUrl}/octo/${name}.git`,
        path,
        pulls: () => github.pulls(`octo/${name}`),
        async branches() {
          const all = (await git(path, ['for-each-ref', '--format=%(refname:short)', 'refs/heads'])).split('\n')
          return all.filter(branch => branch !== 'main')
        },
      }
    },
    async stop() {
      closeModel()
      closeGitHub()
      await Promise.all([holds.stop(), model.close(), github.close()])
      rmSync(place, { recursive: true, force: true })
    },
  }
}
