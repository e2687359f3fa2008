import { z } from 'zod'

/** What values of the chart are made of. */

/** A value with what it is when nobody gives it. */
export const value = <Schema extends z.ZodType>(schema: Schema, fallback: z.input<Schema>, meaning: string) =>
  schema.prefault(fallback as never).describe(meaning)

export const group = <Shape extends z.ZodRawShape>(shape: Shape, meaning: string) =>
  z
    .strictObject(shape)
    .prefault({} as never)
    .describe(meaning)

/** Anything but null: with Helm that takes a default away, which the objects need. */
export const anything: z.ZodType = z.lazy(() =>
  z.union([z.string(), z.number(), z.boolean(), z.array(anything), z.record(z.string(), anything)]),
)
/** What Kubernetes itself looks at. */
export const asInKubernetes = z.record(z.string(), anything)
export const namedInKubernetes = z.object({ name: z.string() }).catchall(anything)
export const labels = z.record(z.string(), z.string())
export const quantities = z.record(z.string(), z.union([z.string(), z.number()]))
export const whole = (least: number, most: number) => z.int().min(least).max(most)
export const count = (least: number) => whole(least, 2_147_483_647)
export const path = z.string().regex(/^(\/[^:\s/.][^:\s/]*)+\/?$/, 'has to be an absolute path, and not /')
/** Of an object that is there already; empty for none. */
export const reference = z.string().regex(/^([a-z0-9]([-.a-z0-9]*[a-z0-9])?)?$/, 'has to be the name of an object')
export const quantity = z.string().regex(/^\d+(\.\d+)?(m|[kMGTPE]i?)?$/, 'has to be a quantity like 100Gi')
export const name = z
  .string()
  .max(63)
  .regex(/^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$/, 'has to be a name of small letters, digits and -')
