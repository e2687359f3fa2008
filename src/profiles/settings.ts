// The small form of zod: this is read at the start of every job.
import * as z from 'zod/mini'
import { invalidProfile } from './read.ts'

const rules = z.optional(z.nullable(z.array(z.string())))

/**
 * What of a `settings.json` keeps an agent from something. Claude Code passes over what has another shape and says
 * nothing, and a rule that is passed over protects nobody. What else there is, is Claude Code's to know; null takes away
 * what a parent says.
 */
const guards = z.looseObject({
  permissions: z.optional(
    z.nullable(z.looseObject({ allow: rules, ask: rules, deny: rules, additionalDirectories: rules })),
  ),
  hooks: z.optional(
    z.nullable(
      z.record(
        z.string(),
        z.nullable(
          z.array(
            z.looseObject({
              matcher: z.optional(z.string()),
              hooks: z.array(z.looseObject({ type: z.string() })),
            }),
          ),
        ),
      ),
    ),
  ),
})

/** @throws AgenticoreError `invalid_profile` that names the file and the place in it */
export function checkSettings(settings: unknown, path: string): void {
  const [issue] = guards.safeParse(settings).error?.issues ?? []
  if (issue) throw invalidProfile(path, `${issue.path.join('.')} has a shape that Claude Code would pass over`)
}
