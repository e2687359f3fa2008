import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'

/** A wire to a server that does what wires do: it is cut, hangs, is slow, or loses what comes back. */
export interface WireUnderTest {
  readonly port: number
  /** Every connection breaks, and there is no new one until it is mended. */
  cut(): void
  mend(): void
  /** Every connection breaks; new ones are let through. */
  reset(): void
  /** The connections there are carry nothing any more, and stay open; new ones are let through. */
  hang(): void
  /** The reply to the next request with `text` in it, any if it is empty, is lost, and its connection breaks; what was asked for has been done. */
  swallow(text: string): void
  /** How many replies were lost so. */
  readonly swallowed: number
  /** Whatever comes back comes so much later. */
  delay(ms: number): void
}

export async function proxyTo(t: Test, port: number): Promise<WireUnderTest> {
  const { proxy, close } = await openProxy(port)
  t.teardown(close)
  return proxy
}

export async function openProxy(port: number): Promise<{ proxy: WireUnderTest; close(): Promise<void> }> {
  const wire = new Wire(port)
  const server = createServer(socket => wire.join(socket)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  wire.port = address.port
  return {
    proxy: wire,
    async close() {
      wire.cut()
      server.close()
      await once(server, 'close')
    },
  }
}

class Wire implements WireUnderTest {
  port = 0
  readonly #target: number
  readonly #sockets = new Set<Socket>()
  readonly #hung = new WeakSet<Socket>()
  #isCut = false
  #unanswered: string | undefined
  swallowed = 0
  #delayMs = 0

  constructor(target: number) {
    this.#target = target
  }

  join(near: Socket): void {
    if (this.#isCut) return void near.destroy()
    const far = connect(this.#target, '127.0.0.1')
    const end = (): void => {
      for (const socket of [near, far]) {
        socket.destroy()
        this.#sockets.delete(socket)
      }
    }
    for (const socket of [near, far]) {
      this.#sockets.add(socket)
      socket.on('error', end).on('close', end)
    }
    let isSwallowing = false
    near.on('data', data => {
      if (this.#hung.has(near)) return
      if (this.#unanswered !== undefined && data.includes(this.#unanswered)) {
        this.#unanswered = undefined
        isSwallowing = true
      }
      far.write(data)
    })
    far.on('data', data => {
      if (this.#hung.has(near)) return
      if (isSwallowing) {
        this.swallowed += 1
        return end()
      }
      if (this.#delayMs === 0) near.write(data)
      else setTimeout(() => near.destroyed || near.write(data), this.#delayMs)
    })
  }

  cut(): void {
    this.#isCut = true
    this.reset()
  }

  mend(): void {
    this.#isCut = false
  }

  reset(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  hang(): void {
    for (const socket of this.#sockets) this.#hung.add(socket)
  }

  swallow(text: string): void {
    this.#unanswered = text
  }

  delay(ms: number): void {
    this.#delayMs = ms
  }
}
