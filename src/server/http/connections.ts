import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** The replies that are not over, by connection. */
const owed = new WeakMap<Duplex, Set<ServerResponse>>()

/** To be told of each reply before anything is made of it. */
export function owe(reply: ServerResponse): void {
  const { socket } = reply.req
  const replies = owed.get(socket) ?? new Set()
  owed.set(socket, replies.add(reply))
  reply.once('close', () => replies.delete(reply))
}

/** The replies to whole requests from before, and those that have begun. */
const dueOn = (socket: Duplex): ServerResponse[] =>
  [...(owed.get(socket) ?? [])].filter(({ headersSent, req }) => headersSent || req.complete)

/** Whether what is said now would be read as the reply to a whole request from before, or as a part of it. */
export const isOwed = (socket: Duplex): boolean => dueOn(socket).length > 0

/** Calls back when those replies are over; at once when one of them is a stream, which may have no end. */
export function whenPaid(socket: Duplex, paid: () => void): void {
  const due = dueOn(socket)
  let left = due.length
  const onePaid = (): void => {
    left -= 1
    if (left === 0) paid()
  }
  if (due.some(({ headersSent, writableEnded }) => headersSent && !writableEnded)) paid()
  else for (const reply of due) reply.once('close', onePaid)
}

/**
 * What ends the connections that nothing is owed on. Node keeps one that has never carried a request for one that is
 * about to, and clients open such ones ahead.
 */
export function idleEnder(server: Server): () => void {
  const sockets = new Set<Socket>()
  server.on('connection', socket => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  return () => {
    for (const socket of sockets) if (!owed.get(socket)?.size) socket.destroy()
  }
}
