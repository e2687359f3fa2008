import { readFile } from 'node:fs/promises'
import { writeDurably } from '../util/durable.ts'
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
      if (!Array.isArray(held)) throw new SyntaxError('it is no list')
      this.#places = held.filter(place => typeof place === 'string')
    } catch (error) {
      // What it said of this user nobody knows now: somebody has to look.
      if (error instanceof SyntaxError) throw new Error(`${this.#file} is damaged: ${error.message}`)
      if (!hasCode(error, 'ENOENT')) throw error
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
    await writeDurably(this.#file, JSON.stringify(places))
    this.#places = places
  }
}

const isIn = (inner: string, outer: string): boolean => inner === outer || inner.startsWith(`${outer}/`)
