/** How a job's agent is set up, and what becomes of its work: what the files of a profile and its parents say. */
export interface Profile {
  readonly name: string
  /** The directories it was read from, the base first. */
  readonly directories: readonly string[]
  readonly warnings: readonly string[]
  readonly autoPr: boolean
  readonly draft: boolean
  readonly labels: readonly string[]
  readonly pushOnFailure: boolean
  /** A shell command for the tree, before the agent. */
  readonly setup?: string | undefined
  /** A shell command that has to succeed after the agent. */
  readonly verify?: string | undefined
  /** How many more turns the agent gets to make it succeed. */
  readonly verifyAttempts: number
  readonly env: Readonly<Record<string, string>>
  readonly checkout: CheckoutWishes
  readonly trustRepo: boolean
  readonly claude: ClaudeSettings
}

export interface CheckoutWishes {
  /** Directories of the repository; empty: all. */
  readonly sparse: readonly string[]
  readonly submodules: boolean
  /** Whether git-lfs brings the contents of files in LFS, and takes new ones to the origin. */
  readonly lfs: boolean
}

/** Unset: what Claude Code takes by itself. */
export interface ClaudeSettings {
  readonly model?: string | undefined
  readonly fallbackModel?: string | undefined
  readonly effort?: string | undefined
  readonly maxTurns?: number | undefined
  readonly maxBudgetUsd?: number | undefined
  readonly timeoutSeconds?: number | undefined
  readonly permissionMode: string
  readonly allowedTools: readonly string[]
  readonly disallowedTools: readonly string[]
  readonly appendSystemPrompt?: string | undefined
}

export interface Profiles {
  /** @throws AgenticoreError `profile_not_found`, `invalid_profile` */
  resolve(name: string): Promise<Profile>
  /**
   * Writes what the chain says together, for Claude Code to read: `.claude/` with `settings.json` and whatever else the
   * profile has, and `.mcp.json`. What was in these places is gone.
   * @param places.tree the job's working tree, which a trusting profile takes agents, skills, commands and servers from
   * @throws AgenticoreError `invalid_profile`
   */
  materialize(profile: Profile, places: { readonly directory: string; readonly tree?: string }): Promise<void>
}
