import { join } from 'node:path'
import type { Profile, Profiles } from '../../src/jobs/profile.ts'
import { ProfileLibrary } from '../../src/profiles/library.ts'

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

/** The profiles that come with agenticore. */
export const builtInProfiles = (): Profiles => new ProfileLibrary([{ source: 'built in', directory: builtIn }])
