import { allSettings, type Setting } from '../../src/config/settings.ts'

export interface Sample {
  readonly text: string
  /** What the text is read as where home is `/home/you`; no setting's default. */
  readonly value: unknown
  readonly wrong: string
}

/** By what the kind says is allowed: one without a sample is one that nobody has tried. */
const samples: Readonly<Record<string, Sample>> = {
  'an absolute path, or one that starts with ~/': { text: '~/a b', value: '/home/you/a b', wrong: 'a/b' },
  'any text on one line': { text: 'some "words"', value: 'some "words"', wrong: 'two\nlines' },
  'a whole number of seconds greater than 0': { text: '77', value: 77, wrong: '0' },
  'user or none': { text: 'none', value: 'none', wrong: 'auto' },
  'a user id from 1000 to 2000000000': { text: '30000', value: 30_000, wrong: '999' },
  'a size such as 500MiB, 20GiB or 1TiB': { text: '3 MiB', value: 3 * 1024 ** 2, wrong: '20 GB' },
  'an https:// address without credentials (http:// on this machine alone)': {
    text: 'https://ghe.corp/api',
    value: 'https://ghe.corp/api',
    wrong: 'http://ghe.corp/api',
  },
  'host names with commas between them': { text: 'A.corp, b.corp', value: ['a.corp', 'b.corp'], wrong: 'a.corp,,' },
  'an http:// or https:// address without credentials': {
    text: 'http://corp:4317',
    value: 'http://corp:4317',
    wrong: 'corp:4317',
  },
  'an http:// or https:// address without credentials, ? and #': {
    text: 'http://corp:8200/agenticore',
    value: 'http://corp:8200/agenticore',
    wrong: 'http://corp:8200/?a=1',
  },
  'any text on one line; with the prefix whsec_, base64 of 24 bytes or more': {
    text: 'any words',
    value: 'any words',
    wrong: 'whsec_short',
  },
  'a key of printable ASCII characters without spaces': { text: 'k-1', value: 'k-1', wrong: 'k 1' },
  'up to 100 letters, digits and any of . _ : { } -': { text: '{fleet}', value: '{fleet}', wrong: 'a b' },
  'a whole number from 5 to 3600': { text: '60', value: 60, wrong: '4' },
  'a whole number from 0 to 100000': { text: '3', value: 3, wrong: '-1' },
  'a host name or an IP address': { text: '::', value: '::', wrong: 'http://corp' },
  'a port from 0 to 65535; 0 is any that is free': { text: '0', value: 0, wrong: 'eight' },
  'sse or stdio': { text: 'stdio', value: 'stdio', wrong: 'http' },
  'keys with commas between them, each of printable ASCII characters without spaces': {
    text: 'one,two',
    value: ['one', 'two'],
    wrong: 'one,t wo',
  },
  'a whole number from 1 to 1000': { text: '1000', value: 1000, wrong: '1001' },
  'a whole number from 1 to 1000000000': { text: '5', value: 5, wrong: '1e3' },
  'trace, debug, info, warn, error or fatal': { text: 'Debug', value: 'debug', wrong: 'verbose' },
  'json or text': { text: 'text', value: 'text', wrong: 'auto' },
  'true or false': { text: 'Yes', value: true, wrong: 'on' },
  'grpc, http/protobuf or http/json': { text: 'http/json', value: 'http/json', wrong: 'http' },
}

export function sampleOf({ kind, fallback }: Setting<unknown>): Sample {
  const sample = samples[kind.allowed]
  if (!sample) throw new Error(`test/helpers/settings.ts has no sample for: ${kind.allowed}`)
  return fallback('~') === true ? { ...sample, text: 'NO', value: false } : sample
}

/** Those that are never shown. */
export const secretSettings = (): Setting<unknown>[] => allSettings().filter(({ kind }) => kind.secret)
