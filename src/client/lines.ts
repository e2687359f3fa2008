/** Text that comes in pieces, as whole lines; what has no end yet waits for it. */
export class Lines {
  #rest = ''

  add(chunk: string): string[] {
    const parts = (this.#rest + chunk).split('\n')
    this.#rest = parts.pop() ?? ''
    return parts
  }
}
