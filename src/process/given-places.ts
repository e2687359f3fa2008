import { readFile, rename, writeFile } from 'node:fs/promises'
import { hasCode } from '../util/error-code.ts'

/**
 * What a user has been given and not been taken back from, on disk: whoever gives that user to the next agent after a
 * crash has to take it back first.
 */
export class GivenPlaces {
  readonly #file: string
  #places: readonly string[] = []

  constructor(file: string) {
    this.#file = file
  }

  /** What an earlier owner of the list has left in it. */
  async load(): Promise<readonly string[]> {
    try {
      const held: unknown = JSON.parse(await readFile(this.#file, 'utf8'))
      if (Array.isArray(held)) this.#places = held.filter(place => typeof place === 'string')
    } catch (error) {
      if (!hasCode(error, 'ENOENT') && !(error instanceof SyntaxError)) throw error
    }
    return this.#places
  }

  async add(place: string): Promise<void> {
    if (!this.#places.some(held => isIn(place, held))) await this.#save([...this.#places, place])
  }

  /** With all that is in it. */
  async remove(place: string): Promise<void> {
    const left = this.#places.filter(held => !isIn(held, place))
    if (left.length < this.#places.length) await this.#save(left)
  }

  async #save(places: readonly string[]): Promise<void> {
    const temp = `${this.#file}.tmp`
    await writeFile(temp, JSON.stringify(places), { mode: 0o600 })
    await rename(temp, this.#file)
    this.#places = places
  }
}

const isIn = (inner: string, outer: string): boolean => inner === outer || inner.startsWith(`${outer}/`)
