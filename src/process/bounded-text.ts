/** Collects bytes up to a limit, keeping the beginning or the end of what is too long, and says that it did. */
export class BoundedText {
  readonly #limit: number
  readonly #keepEnd: boolean
  #chunks: Buffer[] = []
  #bytes = 0
  truncated = false

  constructor(limitBytes: number, keep: 'keep the beginning' | 'keep the end' = 'keep the beginning') {
    this.#limit = limitBytes
    this.#keepEnd = keep === 'keep the end'
  }

  add(chunk: Buffer): void {
    const excess = this.#bytes + chunk.length - this.#limit
    if (excess > 0) this.truncated = true
    this.#push(excess > 0 && !this.#keepEnd ? chunk.subarray(0, chunk.length - excess) : chunk)
    if (this.#bytes > this.#limit) this.#dropBeginning()
  }

  text(encoding: 'utf8' | 'latin1' = 'utf8'): string {
    return Buffer.concat(this.#chunks).subarray(-this.#limit).toString(encoding)
  }

  #dropBeginning(): void {
    // At twice the limit, so that each byte is copied once or twice, not with every chunk.
    if (this.#bytes < 2 * this.#limit) return
    const kept = Buffer.concat(this.#chunks).subarray(-this.#limit)
    this.#chunks = [kept]
    this.#bytes = kept.length
  }

  #push(chunk: Buffer): void {
    if (chunk.length === 0) return
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
  }
}
