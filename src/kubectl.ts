import { loadSurroundings } from './config/load.ts'
import { AgenticoreError } from './jobs/errors.ts'
import { runCommand } from './process/command.ts'

/**
 * Hands manifests to the user's own kubectl, with the context it is in.
 * @param say told each line that it prints
 * @throws AgenticoreError `kubectl_failed`
 */
export async function applyManifests(yaml: string, say: (line: string) => void): Promise<void> {
  const { userEnvironment } = await loadSurroundings()
  const args = ['apply', '-f', '-']
  const { ok, missing, stdout, stderr } = await runCommand({ file: 'kubectl', args, env: userEnvironment, input: yaml })
  for (const line of stdout.split('\n').filter(Boolean)) say(line)
  if (missing) throw new AgenticoreError('kubectl_failed', 'There is no kubectl on the PATH.')
  if (!ok) throw new AgenticoreError('kubectl_failed', `kubectl apply: ${stderr.trim()}`)
}
