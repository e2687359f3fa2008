import { AgenticoreError } from '../jobs/errors.ts'

/** What opens the model for the agent; the first that is set is used. */
export interface ModelCredentials {
  readonly apiKey: string
  readonly authToken: string
  readonly oauthToken: string
  readonly baseUrl: string
  /** Bedrock and Vertex switches with what belongs to them, as the user set them. */
  readonly cloud: Readonly<Record<string, string>>
}

export interface AgentAccess {
  readonly env: Readonly<Record<string, string>>
  /** Secrets that claude reads from a descriptor, so that neither its tools nor /proc show them. */
  readonly descriptors: ReadonlyMap<number, string>
}

const secretDescriptor = 5

/**
 * The API key's place may hold any of the three, as it does where there is one secret for all of them. What is not
 * Anthropic's own is a gateway's, and goes there as a bearer token.
 * @throws AgenticoreError `no_model_credentials`
 */
export function accessFor(given: ModelCredentials): AgentAccess {
  const { apiKey, authToken, oauthToken, baseUrl, cloud } = sorted(given)
  const base = baseUrl === '' ? {} : { ANTHROPIC_BASE_URL: baseUrl }
  if (apiKey !== '') return onDescriptor('CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR', apiKey, base)
  // Claude Code takes a bearer token from the environment only.
  if (authToken !== '') return { env: { ...base, ANTHROPIC_AUTH_TOKEN: authToken }, descriptors: new Map() }
  if (oauthToken !== '') return onDescriptor('CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR', oauthToken, base)
  if (Object.keys(cloud).length > 0) return { env: { ...base, ...cloud }, descriptors: new Map() }
  throw new AgenticoreError(
    'no_model_credentials',
    'No credentials for the model were found: ANTHROPIC_API_KEY, ANTHROPIC_AUTH_TOKEN and CLAUDE_CODE_OAUTH_TOKEN are all unset.',
  )
}

function sorted(given: ModelCredentials): ModelCredentials {
  const { apiKey } = given
  if (apiKey === '') return given
  const none = { ...given, apiKey: '', authToken: '', oauthToken: '' }
  if (apiKey.startsWith('sk-ant-oat')) return { ...none, oauthToken: apiKey }
  return apiKey.startsWith('sk-ant-') ? { ...none, apiKey } : { ...none, authToken: apiKey }
}

function onDescriptor(variable: string, secret: string, env: Record<string, string>): AgentAccess {
  return { env: { ...env, [variable]: String(secretDescriptor) }, descriptors: new Map([[secretDescriptor, secret]]) }
}
