/** Typed looks into JSON of somebody else's making: what is not there, or of another type, is undefined or empty. */
export interface Fields {
  value(key: string): unknown
  text(key: string): string | undefined
  number(key: string): number | undefined
  list(key: string): readonly unknown[]
  object(key: string): Fields
  /** The entries that are numbers. */
  numbers(): Readonly<Record<string, number>>
}

export const isFields = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export function fieldsOf(source: object): Fields {
  const value = (key: string): unknown => Reflect.get(source, key)
  return {
    value,
    text: key => ifType(value(key), isText),
    number: key => ifType(value(key), isNumber),
    list: key => ifType(value(key), isList) ?? [],
    object: key => fieldsOf(ifType(value(key), isFields) ?? {}),
    numbers: () =>
      Object.fromEntries(Object.entries(source).filter((entry): entry is [string, number] => isNumber(entry[1]))),
  }
}

const ifType = <T>(value: unknown, is: (value: unknown) => value is T): T | undefined => (is(value) ? value : undefined)
const isText = (value: unknown): value is string => typeof value === 'string'
const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)
const isList = (value: unknown): value is unknown[] => Array.isArray(value)
