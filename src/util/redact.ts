export type Redact = (text: string) => string

const shortest = 8

/**
 * A function that blanks the given secrets wherever they stand: as they are, URL-encoded, as JSON writes them, and in
 * base64 (how git sends them). Values under 8 characters are left alone: blanking every "test" would hide more than it
 * protects.
 */
export function redactor(secrets: readonly string[]): Redact {
  const forms = secrets.filter(secret => secret.length >= shortest).flatMap(formsOf)
  const longestFirst = [...new Set(forms)].sort((a, b) => b.length - a.length)
  return text => longestFirst.reduce((rest, form) => rest.replaceAll(form, '***'), text)
}

/** What must never be written down, as far as it is known by now; `redact` always knows the latest. */
export class Secrets {
  readonly #known: Set<string>
  #redact: Redact

  constructor(known: readonly string[]) {
    this.#known = new Set(known)
    this.#redact = redactor(known)
  }

  readonly redact: Redact = text => this.#redact(text)

  add(...secrets: readonly string[]): void {
    for (const secret of secrets) this.#known.add(secret)
    this.#redact = redactor([...this.#known])
  }
}

function formsOf(secret: string): string[] {
  const asJson = JSON.stringify(secret).slice(1, -1)
  return [secret, asJson, encodeURIComponent(secret), base64(secret), base64(`x-access-token:${secret}`)]
}

const base64 = (text: string): string => Buffer.from(text).toString('base64')

/** The same value with every string in it redacted and of whole characters, keys too, at any depth. */
export function redactDeep<T>(value: T, redact: Redact): T {
  return JSON.parse(JSON.stringify(value), (_, inner: unknown) => {
    if (typeof inner === 'string') return redact(inner.toWellFormed())
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner
    return Object.fromEntries(Object.entries(inner).map(([key, held]) => [redact(key.toWellFormed()), held]))
  })
}
