import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Profile, Profiles } from '../../src/jobs/profile.ts'

/** A profile that says nothing. */
export const plainProfile: Profile = {
  name: 'plain',
  directories: [],
  warnings: [],
  autoPr: true,
  draft: false,
  labels: [],
  pushOnFailure: false,
  verifyAttempts: 2,
  env: {},
  checkout: { sparse: [], submodules: false, lfs: false },
  trustRepo: false,
  claude: { permissionMode: 'bypassPermissions', allowedTools: [], disallowedTools: [] },
}

export const builtIn = join(import.meta.dirname, '../../profiles')

/** That profile under any name, for what is not about profiles. */
export const plainProfiles: Profiles = {
  resolve: async () => plainProfile,
  async materialize(_, { directory }) {
    await mkdir(join(directory, '.claude'), { recursive: true })
    await writeFile(join(directory, '.claude/settings.json'), '{}')
    await writeFile(join(directory, '.mcp.json'), '{"mcpServers":{}}')
  },
}
