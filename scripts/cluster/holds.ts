import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'

/** As long as Claude Code lets a command run, in seconds; an agent asks four times. */
const longest = 580

/**
 * The command of an agent that waits until it is told: it says where it works, which has the job's id in it, and goes on
 * when it hears a word. By bash alone, which costs nothing while it waits.
 */
export const holdCommand = (address: string, port: number): string =>
  `timeout ${longest} bash -c 'exec 3<>/dev/tcp/${address}/${port} && echo "$PWD" >&3 && read -r word <&3 && echo "$word"' || true`

/** Agents that wait until they are told, by the ids of their jobs. */
export class Holds {
  readonly #waiting = new Map<string, Set<Socket>>()
  readonly #released = new Set<string>()
  readonly #server = createServer(socket => this.#serve(socket))

  async listen(port: number, host: string): Promise<void> {
    this.#server.listen(port, host)
    await once(this.#server, 'listening')
  }

  /** How many agents of this job wait at this moment: two are one too many. */
  agentsOf(id: string): number {
    return this.#waiting.get(id)?.size ?? 0
  }

  /** These go on, now and whenever they ask again. */
  release(ids: readonly string[]): void {
    for (const id of ids) {
      this.#released.add(id)
      for (const socket of this.#waiting.get(id) ?? []) socket.end('go\n')
    }
  }

  async stop(): Promise<void> {
    this.#server.close()
    for (const sockets of this.#waiting.values()) for (const socket of sockets) socket.destroy()
  }

  #serve(socket: Socket): void {
    socket.on('error', () => socket.destroy())
    let said = ''
    socket.setEncoding('utf8').on('data', text => {
      said += text
      const [, id] = /([0-9a-f]{8}-[0-9a-f-]{27})[^\n]*\n/.exec(said) ?? []
      if (id === undefined) return
      said = ''
      if (this.#released.has(id)) return void socket.end('go\n')
      const sockets = this.#waiting.get(id) ?? new Set()
      this.#waiting.set(id, sockets.add(socket))
      socket.on('close', () => sockets.delete(socket))
    })
  }
}
