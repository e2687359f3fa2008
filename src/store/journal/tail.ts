import { open } from 'node:fs/promises'
import { StringDecoder } from 'node:string_decoder'
import { hasCode } from '../../util/error-code.ts'

const chunkBytes = 64 * 1024

/** Reads the whole lines that were added to a growing file since the last time; a file that is not there yet is empty. */
export class TailReader {
  readonly #path: string
  readonly #decoder = new StringDecoder('utf8')
  #offset = 0
  #rest = ''

  constructor(path: string) {
    this.#path = path
  }

  /** The beginning of a line that has no end yet. */
  get rest(): string {
    return this.#rest
  }

  async *lines(): AsyncGenerator<string> {
    const handle = await open(this.#path, 'r').catch((error: unknown) => {
      if (hasCode(error, 'ENOENT')) return undefined
      throw error
    })
    if (!handle) return
    try {
      const chunk = Buffer.alloc(chunkBytes)
      for (;;) {
        const { bytesRead } = await handle.read(chunk, 0, chunkBytes, this.#offset)
        if (bytesRead === 0) return
        this.#offset += bytesRead
        const parts = (this.#rest + this.#decoder.write(chunk.subarray(0, bytesRead))).split('\n')
        this.#rest = parts.pop() ?? ''
        yield* parts
      }
    } finally {
      await handle.close()
    }
  }
}
