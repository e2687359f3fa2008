import { isAbsolute, join } from 'node:path'

/** One kind of value: how it is read, and what to say when it cannot be. */
export interface Kind<T> {
  readonly allowed: string
  /** Never shown, and may come from a file named by `<variable>_FILE`, `<key>_file`. */
  readonly secret?: true
  /** Commas stand between several; a file may have a list instead. */
  readonly list?: true
  /** A file that is named for it and holds nothing is an error, and not as if none were named: what is open without it. */
  readonly neverEmpty?: true
  /** What counts as not given, because somebody else put it there. */
  unset?(text: string): boolean
  /** Undefined: not a value of this kind. */
  parse(text: string, home: string): T | undefined
}

export const text: Kind<string> = {
  allowed: 'any text on one line',
  parse: value => (/[\r\n\0]/.test(value) ? undefined : value),
}

export const secret: Kind<string> = { ...text, secret: true }

/** For what signs messages to others. */
export const signingSecret: Kind<string> = {
  allowed: 'any text on one line; with the prefix whsec_, base64 of 24 bytes or more',
  secret: true,
  parse: (value, home) =>
    /^(?!whsec_)|^whsec_[A-Za-z0-9+/]{32,}={0,2}$/.test(value) ? text.parse(value, home) : undefined,
}

export const directory: Kind<string> = {
  allowed: 'an absolute path, or one that starts with ~/',
  parse: (value, home) => {
    if (value.includes('\0')) return undefined
    if (value === '~' || value.startsWith('~/')) return join(home, value.slice(1))
    return isAbsolute(value) ? value : undefined
  },
}

export const seconds: Kind<number> = {
  allowed: 'a whole number of seconds greater than 0',
  parse: value => (/^[1-9]\d{0,9}$/.test(value) ? Number(value) : undefined),
}

const byteUnits: Readonly<Record<string, number>> = { '': 1, Ki: 1024, Mi: 1024 ** 2, Gi: 1024 ** 3, Ti: 1024 ** 4 }

export const bytes: Kind<number> = {
  allowed: 'a size such as 500MiB, 20GiB or 1TiB',
  parse: value => {
    const [, digits, unit = ''] = /^([1-9]\d{0,14}) ?(?:([KMGT]i)B?|B)?$/.exec(value) ?? []
    return digits === undefined ? undefined : Number(digits) * (byteUnits[unit] ?? 1)
  },
}

export const userId: Kind<number> = {
  allowed: 'a user id from 1000 to 2000000000',
  parse: value => {
    const id = /^\d{4,10}$/.test(value) ? Number(value) : 0
    return id >= 1000 && id <= 2_000_000_000 ? id : undefined
  },
}

export type IsolationChoice = 'auto' | 'user' | 'none'

export const isolation: Kind<IsolationChoice> = {
  allowed: 'user or none',
  parse: value => (value === 'user' || value === 'none' ? value : undefined),
}

export const count = (least: number, most: number): Kind<number> => ({
  allowed: `a whole number from ${least} to ${most}`,
  parse: value => {
    const number = /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN
    return number >= least && number <= most ? number : undefined
  },
})

export const keyPrefix: Kind<string> = {
  allowed: 'up to 100 letters, digits and any of . _ : { } -',
  parse: value => (/^[\w.:{}-]{1,100}$/.test(value) ? value : undefined),
}

export const apiKey: Kind<string> = {
  allowed: 'a key of printable ASCII characters without spaces',
  secret: true,
  parse: value => (/^[!-~]+$/.test(value) ? value : undefined),
}

export const apiKeys: Kind<readonly string[]> = {
  allowed: 'keys with commas between them, each of printable ASCII characters without spaces',
  secret: true,
  neverEmpty: true,
  list: true,
  parse: value => {
    const keys = value.split(/[,\n]/).flatMap(key => (key.trim() === '' ? [] : [key.trim()]))
    return keys.length > 0 && keys.every(key => /^[!-~]+$/.test(key)) ? keys : undefined
  },
}

export const oneOf = <const T extends string>(...values: readonly T[]): Kind<T> => ({
  allowed: values.length > 1 ? `${values.slice(0, -1).join(', ')} or ${values.at(-1)}` : values.join(),
  parse: value => values.find(each => each === value.toLowerCase()),
})

const words: Readonly<Record<string, boolean>> = { true: true, yes: true, 1: true, false: false, no: false, 0: false }

export const truth: Kind<boolean> = {
  allowed: 'true or false',
  parse: value => words[value.toLowerCase()],
}
