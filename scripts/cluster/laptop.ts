/** Somebody's laptop: agenticore's commands, and a way into the cluster. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import type { Place } from './place.ts'
import { type Ran, root, until } from './run.ts'

export class Laptop implements AsyncDisposable {
  readonly #home = mkdtempSync(join(tmpdir(), 'agenticore-laptop-'))
  readonly #env: Readonly<Record<string, string>>
  readonly #close: () => Promise<void>

  private constructor(url: string, close: () => Promise<void>, apiKey: string | undefined) {
    this.#env = {
      PATH: process.env.PATH ?? '',
      HOME: this.#home,
      AGENTICORE_URL: url,
      ...(apiKey === undefined ? {} : { AGENTICORE_API_KEY: apiKey }),
    }
    this.#close = close
  }

  /** By `kubectl port-forward svc/agenticore`. @param port of the laptop */
  static async forwarded(place: Place, port = 8200): Promise<Laptop> {
    const args = ['--namespace', place.namespace, 'port-forward', 'svc/agenticore', `${port}:8200`]
    const forward = execa('kubectl', args, { reject: false })
    const close = async (): Promise<void> => {
      forward.kill()
      await forward
    }
    const url = `http://127.0.0.1:${port}`
    await until('port-forward', async () => (await fetch(`${url}/health`)).ok, 30_000).catch(async error => {
      await close()
      throw error
    })
    return new Laptop(url, close, place.apiKey)
  }

  /** Where the Service can be reached without. */
  static at(place: Place): Laptop {
    return new Laptop(place.url, async () => undefined, place.apiKey)
  }

  async agenticore(...args: readonly string[]): Promise<Ran> {
    const { exitCode, stdout, stderr } = await execa(join(root, 'bin/agenticore'), args, {
      env: this.#env,
      extendEnv: false,
      reject: false,
      stdin: 'ignore',
      timeout: 300_000,
    })
    return { exitCode, stdout, stderr }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close()
    rmSync(this.#home, { recursive: true, force: true })
  }
}
