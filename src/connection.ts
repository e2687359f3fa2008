import { type ServerAddress, urlOf } from './client/address.ts'
import { HttpClient } from './client/http.ts'
import { RemoteAgenticore } from './client/remote.ts'
import { loadSurroundings } from './config/load.ts'
import type { Settings } from './config/settings.ts'
import { systemClock } from './util/clock.ts'

/** The server that the settings name; nobody has asked yet whether it is there. @throws SettingError */
export async function openConnection({ warn }: { warn(message: string): void }): Promise<RemoteAgenticore> {
  const { settings, unknown, isServerNamed: isNamed } = await loadSurroundings()
  for (const line of unknown) warn(line)
  const address = addressFrom(settings)
  return new RemoteAgenticore(new HttpClient({ address, clock: systemClock, random: Math.random }), { isNamed })
}

function addressFrom({ clientUrl, serverHost, serverPort, clientApiKey, apiKeys }: Settings): ServerAddress {
  const url = clientUrl === '' ? urlOf(serverHost, serverPort) : clientUrl.replace(/\/+$/, '')
  return { url, apiKey: clientApiKey || (apiKeys[0] ?? '') }
}

/** What `--repo` means in this directory. @throws AgenticoreError `invalid_repo_url`, `git_missing` */
export async function resolveRepository(text: string, cwd: string): Promise<string> {
  if (text === '' || text.includes('://')) return text
  const { resolveHere } = await import('./foreground.ts')
  return await resolveHere(await loadSurroundings(), text, cwd)
}
