import type { FastifySchemaCompiler } from 'fastify'
import * as z from 'zod'
import { AgenticoreError } from '../../jobs/errors.ts'
import { didYouMean } from '../../util/nearest.ts'

/** Requests are checked by the same schemas that describe them. What does not fit is named. */
export const validatorCompiler: FastifySchemaCompiler<z.ZodType> =
  ({ schema, httpPart }) =>
  data => {
    const { success, data: value, error } = schema.safeParse(data)
    return success ? { value } : { error: requestError(error, schema, `the ${httpPart}`) }
  }

function requestError(error: z.ZodError, schema: z.ZodType, whole: string): AgenticoreError {
  const known = schema instanceof z.ZodObject ? Object.keys(schema.shape) : []
  const said = error.issues.flatMap(issue => {
    if (issue.code === 'unrecognized_keys')
      return issue.keys.slice(0, most).map(key => `unknown field ${quoted(key)}${didYouMean(start(key), known)}`)
    const name = issue.path.length === 0 ? whole : issue.path.join('.')
    return [`${name}: ${issue.message.replace(/^Invalid input: /, '')}`]
  })
  return new AgenticoreError('invalid_request', `${said.slice(0, most).join('; ')}.`.replace(/\?\.$/, '?'))
}

/** As many faults are named. */
const most = 10
/** A body may be one long key, or half a million short ones. */
const start = (key: string): string => key.slice(0, 100)

const quoted = (key: string): string => JSON.stringify(start(key))
