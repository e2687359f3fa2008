/** Values of a label that come from elsewhere: the first ones as they are, then `other`, so that series do not multiply. */
export class BoundedLabels {
  readonly #most: number
  readonly #seen = new Set<string>()

  constructor(most: number) {
    this.#most = most
  }

  of(value: string): string {
    if (this.#seen.has(value)) return value
    if (this.#seen.size >= this.#most) return 'other'
    this.#seen.add(value)
    return value
  }
}
