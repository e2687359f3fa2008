import { canary, githubToken, modelKey } from './outside.ts'

export const apiKey = `${canary}-door`

interface SecretWish {
  /** Of Redis; none unless told. */
  readonly password?: string
  /** Whether Redis is found by a Sentinel, and KEDA is told so by the URL alone. */
  readonly isBySentinel?: boolean
  readonly hasApiKey?: boolean
}

/** What the seed's command makes of a Secret, after its name. */
export function secretArgs({ password, isBySentinel = false, hasApiKey = false }: SecretWish): string[] {
  const secret = password === undefined ? '' : `default:${encodeURIComponent(password)}@`
  const literals = {
    ...(isBySentinel
      ? { 'redis-url': `redis+sentinel://${secret}sentinel/mymaster/0` }
      : { 'redis-url': `redis://${secret}redis:6379/0`, 'redis-address': 'redis:6379' }),
    'github-token': githubToken,
    'anthropic-api-key': modelKey,
    ...(password === undefined ? {} : { 'redis-password': password }),
    ...(hasApiKey ? { 'api-keys': apiKey } : {}),
  }
  return Object.entries(literals).map(([key, value]) => `--from-literal=${key}=${value}`)
}
