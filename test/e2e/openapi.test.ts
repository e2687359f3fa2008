import { Validator } from '@seriousme/openapi-schema-validator'
import t from 'tap'
import * as z from 'zod'
import { health, manyJobs, manyPods, manyProfiles, oneJob, ready, refusal, statusReply } from '../../src/api/replies.ts'
import { cliFor } from '../helpers/cli.ts'
import { startDaemon } from '../helpers/daemon.ts'
import { bash, scriptedAgent, world } from '../helpers/e2e.ts'
import { httpTo, type Reply } from '../helpers/http.ts'

const operation = z.looseObject({
  summary: z.string().min(10),
  description: z.string().min(10).optional(),
  tags: z.array(z.enum(['jobs', 'fleet'])).length(1),
  parameters: z.array(z.looseObject({ name: z.string(), description: z.string().min(5) })).optional(),
  responses: z.record(
    z.string(),
    z.looseObject({ description: z.string().min(2), content: z.record(z.string(), z.object()).optional() }),
  ),
})
const description = z.looseObject({
  openapi: z.literal('3.1.0'),
  paths: z.record(z.string(), z.record(z.string(), operation)),
})

t.test('the description is an OpenAPI of 3.1, and says of each route what it does and answers', async t => {
  const daemon = await startDaemon(t, cliFor(t.testdir()))
  const { body } = await httpTo(t, daemon.url)('GET', '/openapi.json')
  const validator = new Validator()
  const { valid, errors } = await validator.validate(JSON.parse(body))
  t.ok(valid, JSON.stringify(errors, null, 2))
  t.equal(validator.version, '3.1')
  validator.resolveRefs()
  const { paths } = description.parse(JSON.parse(body))
  for (const [path, operations] of Object.entries(paths)) {
    for (const [method, { responses }] of Object.entries(operations)) {
      t.ok('200' in responses, `${method} ${path}: what it answers`)
      for (const [status, { content = {} }] of Object.entries(responses)) {
        if (Number(status) >= 400) t.strictSame(Object.keys(content), ['application/json'], `${path}: ${status}`)
      }
    }
  }
  await daemon.stop()
})

t.test('what is answered is what is described', async t => {
  const turns = [bash('echo b > a.txt'), { text: 'Done.' }]
  const { cli, github } = await world(t, [{ turns }], scriptedAgent)
  const { cloneUrl } = await github.createRepo({ owner: 'o', name: 'r', files: { 'a.txt': 'a\n' } })
  const daemon = await startDaemon(t, cli)
  const http = httpTo(t, daemon.url)
  const { paths } = description.parse((await http('GET', '/openapi.json')).json())

  /** A field too many or too few, at any depth, throws or differs. */
  const fits = (reply: Reply, schema: z.ZodType, what: string) =>
    t.strictSame(schema.parse(reply.json()), reply.json(), what)
  const isDescribed = (method: string, path: string, { status, headers }: Reply) => {
    const told = paths[path]?.[method.toLowerCase()]?.responses[status]
    const [type = ''] = headers['content-type']?.split(';') ?? []
    t.ok(told?.content?.[type], `${method} ${path}: ${status} ${type}`)
  }

  const submitted = await http('POST', '/jobs', {
    body: { task: 'Make it b', repo_url: cloneUrl, wait: true, file_path: 'x', idempotency_key: 'k', max_turns: 9 },
  })
  isDescribed('POST', '/jobs', submitted)
  fits(submitted, oneJob, 'a job with a pull request')
  const { job, warnings } = oneJob.parse(submitted.json())
  t.match(job, { status: 'succeeded', pr_url: /pull\/1$/, changed_files: 1, output: 'Done.' })
  t.match(warnings, ['file_path is not used any more: put MCP servers into a profile.'])
  const failed = await http('POST', '/jobs', { body: { task: 'x', repo_url: cloneUrl, base_ref: 'none', wait: true } })
  fits(failed, oneJob, 'a job that failed')

  const ended = `/jobs/${job.id}`
  const asked: readonly (readonly [method: string, path: string, real: string, schema?: z.ZodType])[] = [
    ['GET', '/jobs', '/jobs?limit=1', manyJobs],
    ['GET', '/jobs', '/jobs?status=succeeded', manyJobs],
    ['GET', '/jobs', `/jobs?cursor=${job.id}`, manyJobs],
    ['GET', '/jobs/{id}', ended, oneJob],
    ['DELETE', '/jobs/{id}', ended, oneJob],
    ['GET', '/jobs/{id}/diff', `${ended}/diff`],
    ['GET', '/jobs/{id}/events', `${ended}/events`],
    ['POST', '/jobs/{id}/retry', `${ended}/retry`, oneJob],
    ['GET', '/profiles', '/profiles', manyProfiles],
    ['GET', '/pods', '/pods', manyPods],
    ['GET', '/status', '/status', statusReply],
    ['GET', '/metrics', '/metrics'],
    ['GET', '/health', '/health', health],
    ['GET', '/ready', '/ready', ready],
    ['POST', '/jobs', '/jobs', refusal],
    ['GET', '/jobs', '/jobs?limit=-1', refusal],
    ['GET', '/jobs/{id}', '/jobs/ffff', refusal],
    ['GET', '/jobs/{id}', '/jobs/f', refusal],
    ['GET', '/jobs/{id}', '/jobs/%ff', refusal],
    ['GET', '/jobs/{id}', `/jobs/${'f'.repeat(201)}`, refusal],
    ['DELETE', '/jobs/{id}', '/jobs/ffff', refusal],
    ['POST', '/jobs/{id}/retry', '/jobs/ffff/retry', refusal],
    ['GET', '/jobs/{id}/diff', '/jobs/ffff/diff', refusal],
    ['GET', '/jobs/{id}/events', '/jobs/ffff/events', refusal],
    ['GET', '/jobs/{id}/events', `${ended}/events?follow=perhaps`, refusal],
  ]
  for (const [method, path, real, schema] of asked) {
    const reply = await http(method, real)
    t.equal(reply.status >= 400, schema === refusal, `${method} ${real}: ${reply.status} ${reply.body.slice(0, 200)}`)
    isDescribed(method, path, reply)
    if (schema) fits(reply, schema, `${method} ${real}`)
  }
  const stream = new AbortController()
  const { status, headers } = await fetch(`${daemon.url}/jobs/events`, { signal: stream.signal })
  t.strictSame([status, headers.get('content-type')], [200, 'text/event-stream; charset=utf-8'])
  stream.abort()
  const described = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map(method => `${method.toUpperCase()} ${path}`),
  )
  const seen = new Set(asked.map(([method, path]) => `${method} ${path}`))
  t.strictSame(
    described.filter(each => !seen.has(each)),
    ['GET /jobs/events'],
    'all of them were asked',
  )
  await daemon.handOver()
})
