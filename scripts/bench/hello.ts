/** The least a server on our framework does: what ours is measured beside. */
import Fastify from 'fastify'

const server = Fastify()
server.get('/', async () => ({ hello: 'world' }))
server.post('/', async () => ({ hello: 'world' }))
process.stderr.write(`listens at ${await server.listen({ host: '127.0.0.1', port: 0 })}\n`)
