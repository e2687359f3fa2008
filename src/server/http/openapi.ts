import swagger from '@fastify/swagger'
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod'
import type { Server, ServerParts } from './parts.ts'

/** The description of all routes, from the schemas they check requests with. */
export async function describeRoutes(server: Server, { version, apiKeys }: ServerParts): Promise<void> {
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'agenticore',
        version,
        description: 'Hand a task to a fleet of Claude Code agents on your own machines, get back a pull request.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      tags: [
        { name: 'jobs', description: 'Submitting, following and cancelling jobs.' },
        { name: 'fleet', description: 'How the server is.' },
      ],
      components: {
        securitySchemes: {
          key: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
          bearer: { type: 'http', scheme: 'bearer' },
        },
      },
      ...(apiKeys.length > 0 ? { security: [{ key: [] }, { bearer: [] }] } : {}),
    },
    transform: jsonSchemaTransform,
    transformObject: jsonSchemaTransformObject,
  })
  server.get('/openapi.json', { schema: { hide: true } }, async () => server.swagger())
}
