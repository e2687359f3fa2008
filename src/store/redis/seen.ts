/** How far a pod has seen Redis come. Within one epoch the count of mutations only rises. */
export class Seen {
  #epoch = ''
  #rev = 0
  /** Which start of the server it was; '' where that is not to be known. */
  runId = ''

  get epoch(): string {
    return this.#epoch
  }

  get rev(): number {
    return this.#rev
  }

  /** @returns true when it has gone back: what is there now is an old snapshot */
  note(epoch: string, rev: number): boolean {
    const fell = epoch === this.#epoch && rev < this.#rev
    if (fell) return true
    this.#epoch = epoch
    this.#rev = rev
    return false
  }
}
