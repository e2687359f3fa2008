// The small form of zod: this is read at the start of every job.
import * as z from 'zod/mini'

export interface KeyNotes {
  readonly allowed: string
  readonly meaning: string
}

/** What docs/profiles.md says of each key. */
export const notes = z.registry<KeyNotes>()

/** A value that may be left out, and set to null to take away what a parent says. */
function value<T>(allowed: string, meaning: string, fits: (given: unknown) => boolean) {
  const schema = z.nullish(z.custom<T>(fits, { error: allowed }))
  notes.add(schema, { allowed, meaning })
  return schema
}

/** No program can be given a NUL. */
const isText = (given: unknown): given is string =>
  typeof given === 'string' && given.trim() !== '' && !given.includes('\0')
const isWhole = (given: unknown): boolean => Number.isSafeInteger(given) && Number(given) > 0
const isCount = (given: unknown): boolean => Number.isSafeInteger(given) && Number(given) >= 0 && Number(given) <= 20

const text = (meaning: string) => value<string>('a text without a NUL', meaning, isText)
const flag = (meaning: string) => value<boolean>('true or false', meaning, given => typeof given === 'boolean')
const whole = (meaning: string) => value<number>('a whole number greater than 0', meaning, isWhole)

const listOf = (allowed: string, pattern: RegExp, meaning: string) =>
  value<string[]>(allowed, meaning, given => Array.isArray(given) && given.every(isMatch(pattern)))
const isMatch =
  (pattern: RegExp) =>
  (given: unknown): boolean =>
    typeof given === 'string' && pattern.test(given)

const oneOf = (names: readonly string[], meaning: string) =>
  value<string>(names.join(', '), meaning, given => typeof given === 'string' && names.includes(given))
/** What is handed over as an argument must not look like an option. */
const word = (meaning: string) => value<string>('a name', meaning, isMatch(/^[A-Za-z0-9][^\s]*$/))
const tools = (meaning: string) =>
  listOf('a list of tool names, such as [Read, "Bash(git log:*)"]', /^[A-Za-z_][^\r\n\0]*$/, meaning)

export const permissionModes = ['acceptEdits', 'auto', 'bypassPermissions', 'default', 'dontAsk', 'plan'] as const
const efforts = ['low', 'medium', 'high', 'xhigh', 'max'] as const

/** What the runner sets itself; another value would break the promise it stands for. */
const ownVariables =
  /^(HOME|TMPDIR|CLAUDE_CONFIG_DIR|CLAUDE_CODE_TMPDIR|AGENTICORE_\w*|ANTHROPIC_(API_KEY|AUTH_TOKEN|BASE_URL)|CLAUDE_CODE_OAUTH_TOKEN|\w+_FILE_DESCRIPTOR)$/

function isEnvironment(given: unknown): boolean {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return false
  return Object.entries(given).every(
    ([name, held]) =>
      /^[A-Za-z_]\w*$/.test(name) &&
      !ownVariables.test(name) &&
      (held === null ||
        ['number', 'boolean'].includes(typeof held) ||
        (typeof held === 'string' && !held.includes('\0'))),
  )
}

export const claudeKeys = z.strictObject({
  model: word('Model to use, unless the job names one.'),
  fallback_model: word('Model for when the first one is overloaded.'),
  effort: oneOf(efforts, 'How hard the model thinks.'),
  max_turns: whole('Most turns the agent may take, unless the job says.'),
  max_budget_usd: value<number>(
    'a number greater than 0',
    'Most dollars the agent may spend, unless the job says.',
    given => typeof given === 'number' && Number.isFinite(given) && given > 0,
  ),
  timeout: whole('Most seconds one run of the agent may take, unless the job says.'),
  permission_mode: oneOf(
    permissionModes,
    'What the agent may do without asking; nobody answers, so what has to be asked is refused.',
  ),
  allowed_tools: tools('Tools that are allowed whatever the permission mode says.'),
  disallowed_tools: tools('Tools the agent does not have.'),
  append_system_prompt: text("Said to the agent after agenticore's own briefing."),
  trust_repo: flag("Lets the repository's own agents, skills, commands and MCP servers in."),
})

export const profileKeys = z.strictObject({
  name: text('Has to be the name of the directory where it is given.'),
  description: text('One line for `agenticore profiles`.'),
  extends: word('The profile this one builds on.'),
  auto_pr: flag('Whether a pull request is opened for the branch.'),
  draft: flag('Whether it is opened as a draft.'),
  labels: listOf('a list of label names', /\S/, 'Labels of the pull request.'),
  push_on_failure: flag('Whether the branch of a failed or cancelled job is pushed, without a pull request.'),
  setup: text('Shell command that runs in the tree before the agent. A failure ends the job.'),
  verify: text('Shell command that runs after the agent. What it prints when it fails goes back to the agent.'),
  verify_attempts: value<number>(
    'a whole number from 0 to 20',
    'How often the agent may mend what `verify` finds.',
    isCount,
  ),
  env: value<Record<string, string | number | boolean | null>>(
    'variable names (none that agenticore sets itself) with a text (without a NUL) or a number each',
    'Environment of the agent, `setup` and `verify`.',
    isEnvironment,
  ),
  sparse: listOf(
    'a list of directories inside the repository',
    /^(?!\/|-|!)(?!.*(^|\/)\.\.?(\/|$))[^\r\n\0\\*?[]+$/,
    'Directories to check out (with the files at the top); all when empty.',
  ),
  submodules: flag('Whether submodules are checked out.'),
  lfs: flag('Whether files in Git LFS are fetched, and new ones uploaded. Needs git-lfs on the PATH.'),
  claude: z.nullish(claudeKeys),
})

/** What one `profile.yml` says. */
export type ProfileFile = z.infer<typeof profileKeys>

/** Keys of other tools, and of the tool this one replaces: nothing here needs them, and nobody has to take them out. */
export const foreignKeys: Readonly<Record<string, readonly string[]>> = {
  '': ['mcp_categories', 'otel', 'worktree'],
  claude: ['output_format', 'no_session_persistence', 'worktree', 'verbose', 'print'],
}
