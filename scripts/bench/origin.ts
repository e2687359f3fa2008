/** The simulated GitHub in a thread of its own, so that serving does not hold up what is measured. */
import { parentPort, workerData } from 'node:worker_threads'
import { startGitHub } from '../../test/fixtures/github/server.ts'

export interface OriginData {
  readonly root: string
  readonly token: string
  /** Of the repositories, which are empty. */
  readonly names: readonly string[]
}

export interface Origin {
  readonly cloneUrl: string
  /** The bare repository's directory. */
  readonly path: string
}

const { root, token, names } = workerData as OriginData
const github = await startGitHub({ root, token })
const origins: Origin[] = []
for (const name of names) {
  const { cloneUrl, path } = await github.createRepo({ owner: 'bench', name })
  origins.push({ cloneUrl, path })
}
parentPort?.once('message', () => void github.close())
parentPort?.postMessage(origins)
