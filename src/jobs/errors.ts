/**
 * Every error a user can meet, by code. `kind` decides the exit code and the HTTP status, each mapped once at its edge;
 * `meaning` and `remedy` are the row in docs/errors.md.
 */
export const catalogue = {
  invalid_request: {
    kind: 'usage',
    meaning: 'The request is not one that can be run: an empty or too long task, a limit that is not positive.',
    remedy: 'Correct what the message names. Nothing was submitted.',
  },
  invalid_setting: {
    kind: 'usage',
    meaning: 'A setting has a value that is not allowed.',
    remedy: 'Set the variable to one of the values the message lists, or unset it.',
  },
  invalid_values: {
    kind: 'usage',
    meaning: 'A value for Kubernetes is not one of the chart, or cannot be what was given.',
    remedy: 'docs/helm-values.md has all of them, with what they may be. Nothing was printed or applied.',
  },
  invalid_repo_url: {
    kind: 'usage',
    meaning: 'The repository is neither a URL that agenticore clones from nor a git directory on this machine.',
    remedy: 'Give an https://, ssh:// or git@host:path address, or a path. Keep credentials out of it.',
  },
  invalid_ref: {
    kind: 'usage',
    meaning: 'The base ref could never be the name of a branch, a tag or a commit.',
    remedy: 'Give a branch, a tag or a full commit id.',
  },
  ambiguous_id: {
    kind: 'usage',
    meaning: 'More than one job id starts or ends with what was given, or it has fewer than 4 characters.',
    remedy: 'Give more of the id.',
  },
  job_not_found: {
    kind: 'not_found',
    meaning: 'No job has this id.',
    remedy: '`agenticore jobs` lists the jobs that are kept; a record is deleted some time after its end.',
  },
  job_not_queued: {
    kind: 'refused',
    meaning: 'Only a queued job can be resumed, and this one is running elsewhere or has ended.',
    remedy: '`agenticore job ID` shows where it stands.',
  },
  idempotency_conflict: {
    kind: 'conflict',
    meaning: 'A job was submitted under this idempotency key before, and it asked for something else.',
    remedy: 'Use a new key for a new request. Nothing was submitted.',
  },
  session_not_found: {
    kind: 'not_found',
    meaning: 'No job that is kept has had this conversation, or its transcript is gone.',
    remedy:
      'Give the `session_id` of a job that `agenticore job ID` shows; records are deleted some time after the end.',
  },
  session_busy: {
    kind: 'conflict',
    meaning: 'The job whose conversation was to be continued has not ended.',
    remedy: 'Wait for it (`agenticore logs ID --follow`), or cancel it. Nothing was submitted.',
  },
  profile_not_found: {
    kind: 'not_found',
    meaning: 'No profile has this name.',
    remedy: '`agenticore profiles` lists them. Nothing was submitted.',
  },
  invalid_profile: {
    kind: 'usage',
    meaning: 'A file of the profile, or of one it extends, cannot be used.',
    remedy: 'Correct what the message names; `agenticore profiles NAME` shows the result.',
  },
  setup_failed: {
    kind: 'refused',
    meaning: "The profile's `setup` failed, so the agent was not started.",
    remedy: 'The message has what it printed last; `agenticore logs ID` has more.',
  },
  verify_failed: {
    kind: 'refused',
    meaning: "The profile's `verify` still fails after everything the agent tried.",
    remedy:
      'The branch is pushed, unless the message says otherwise, and no pull request opened. The message has what `verify` printed last.',
  },
  queue_full: {
    kind: 'busy',
    meaning: 'As many jobs wait as AGENTICORE_QUEUE_LIMIT allows.',
    remedy: 'Submit again later, or cancel jobs that are not needed. Nothing was submitted.',
  },
  no_diff: {
    kind: 'not_found',
    meaning: 'No changes are kept of the job: it made none, or it has not come so far.',
    remedy: '`agenticore job ID` shows where it stands.',
  },
  not_authorised: {
    kind: 'unauthorised',
    meaning: 'The server wants an API key, and the request had none or a wrong one.',
    remedy: 'Set AGENTICORE_API_KEY to one of the keys in AGENTICORE_API_KEYS of the server.',
  },
  forbidden: {
    kind: 'forbidden',
    meaning:
      'A server without API keys serves its own machine alone, and the request came, or seems to come, from elsewhere.',
    remedy: 'Set AGENTICORE_API_KEYS where the server runs, and send one of the keys.',
  },
  too_large: {
    kind: 'too_large',
    meaning: 'The request is larger than the server takes.',
    remedy: 'Put material into files of the repository and name them in the task. Nothing was submitted.',
  },
  no_such_endpoint: {
    kind: 'not_found',
    meaning: 'The server has nothing at this address, or not under this method.',
    remedy: 'GET /openapi.json describes what there is.',
  },
  endpoint_removed: {
    kind: 'not_found',
    meaning: 'The address belongs to the Python agenticore; this one does without.',
    remedy: 'docs/migration.md says what to do instead.',
  },
  not_ready: {
    kind: 'unavailable',
    meaning: 'The server starts, drains, closes, or cannot read its jobs.',
    remedy: 'Ask again later, or another server of the fleet.',
  },
  already_serving: {
    kind: 'refused',
    meaning: 'Another `agenticore serve` has the control socket.',
    remedy:
      'Stop that one, or give this one a socket (AGENTICORE_CONTROL_SOCKET), a port and a jobs directory of its own.',
  },
  cannot_listen: {
    kind: 'refused',
    meaning: 'The address to listen on is not to be had.',
    remedy: 'Give another one by --host and --port (AGENTICORE_HOST, AGENTICORE_PORT), or stop what has it.',
  },
  store_unavailable: {
    kind: 'unavailable',
    meaning: 'Redis, where the jobs of the fleet are claimed, does not answer, refuses, or has just lost what it knew.',
    remedy:
      'Ask again in a moment, under the same idempotency key: jobs that were accepted are kept, and running ones go on. `agenticore doctor` says what is wrong with Redis.',
  },
  server_unreachable: {
    kind: 'unavailable',
    meaning: 'No agenticore server answers.',
    remedy:
      'Start one (`agenticore serve`), set AGENTICORE_URL to where it is, or run the job in this process with `--local`.',
  },
  unanswered: {
    kind: 'unavailable',
    meaning: 'The server may have done what it was asked: the request was sent, and the answer did not come.',
    remedy: 'Look whether it was done before you ask again.',
  },
  server_failed: {
    kind: 'unavailable',
    meaning: 'What answered is no agenticore server, or one that is in trouble.',
    remedy: 'Check AGENTICORE_URL and the log of the server.',
  },
  git_missing: {
    kind: 'refused',
    meaning: 'git is not on the PATH.',
    remedy: 'Install git 2.31 or newer.',
  },
  lfs_missing: {
    kind: 'refused',
    meaning: 'The profile asks for the files in Git LFS, the repository has some, and git-lfs is not on the PATH.',
    remedy: 'Install git-lfs where the job runs, or take `lfs: true` out of the profile.',
  },
  claude_missing: {
    kind: 'refused',
    meaning: 'The Claude Code CLI was not found.',
    remedy: 'Install it (`npm install -g @anthropic-ai/claude-code`), or set AGENTICORE_CLAUDE_BINARY to its path.',
  },
  claude_too_old: {
    kind: 'refused',
    meaning: 'The Claude Code CLI is older than the first version this was measured with.',
    remedy: 'Update it (`claude update`, or `npm install -g @anthropic-ai/claude-code`).',
  },
  no_model_credentials: {
    kind: 'refused',
    meaning: 'Nothing was given that the agent could authenticate to the model with.',
    remedy: 'Set ANTHROPIC_API_KEY, or run `claude setup-token` and set CLAUDE_CODE_OAUTH_TOKEN.',
  },
  origin_unreachable: {
    kind: 'refused',
    meaning: 'The host of the repository did not answer.',
    remedy: 'Check the address, the network and HTTPS_PROXY, then run the task again.',
  },
  origin_not_found: {
    kind: 'refused',
    meaning: 'There is no repository at the address, or these credentials may not see it.',
    remedy: 'Check the address, and that the credential the message names can read the repository.',
  },
  origin_moved: {
    kind: 'refused',
    meaning: 'The host redirects to another address; credentials are not sent along.',
    remedy: 'Give the address the repository has now.',
  },
  origin_unauthorised: {
    kind: 'unauthorised',
    meaning: 'The host of the repository wants credentials, or refused the ones it got.',
    remedy:
      'On GitHub: set GITHUB_TOKEN to a token that can read and write the repository, or renew what the message names (`gh auth login`). Elsewhere over https: give `git credential` a valid one. By ssh: add the key to ssh-agent.',
  },
  repository_empty: {
    kind: 'refused',
    meaning: 'The repository has no commit to start from.',
    remedy: 'Push a first commit to it.',
  },
  ref_not_found: {
    kind: 'refused',
    meaning: 'The repository has no branch or tag of this name, or no such commit.',
    remedy: 'Check --base-ref; leave it out to start from the default branch.',
  },
  push_denied: {
    kind: 'unauthorised',
    meaning: 'The work is done, but these credentials may not push to the repository.',
    remedy:
      'Give the credential the message names write access to contents (and to pull requests). The diff is kept with the job.',
  },
  push_rejected: {
    kind: 'refused',
    meaning: 'The repository refused the branch: a hook, a rule, or somebody else moved it.',
    remedy: 'Read what the remote said in the message. The diff is kept with the job.',
  },
  git_failed: {
    kind: 'refused',
    meaning: 'A git command failed in a way that has no code of its own.',
    remedy: 'The message has what git said.',
  },
  agent_failed: {
    kind: 'refused',
    meaning: 'Claude Code ended without success.',
    remedy: '`agenticore logs ID` shows what it did.',
  },
  agent_no_result: {
    kind: 'refused',
    meaning: 'Claude Code ended without saying how it went, so its work is not trusted.',
    remedy: '`agenticore logs ID` shows what it did up to then; the diff is kept with the job.',
  },
  prompt_blocked: {
    kind: 'refused',
    meaning: 'Claude Code ended without having asked the model anything: a hook blocked the task, most likely.',
    remedy:
      'The message has what it said. Look at the hooks of the profile and of agentihooks (`agenticore profiles NAME`, `agenticore doctor`).',
  },
  max_turns: {
    kind: 'refused',
    meaning: 'The agent used up its turns.',
    remedy: 'Raise --max-turns, or split the task.',
  },
  max_budget: {
    kind: 'refused',
    meaning: 'The agent used up its budget.',
    remedy: 'Raise --max-budget-usd, or split the task.',
  },
  model_error: {
    kind: 'refused',
    meaning: 'The model refused or could not be reached.',
    remedy: 'The message has the status and what it said; check key, model name and network.',
  },
  model_busy: {
    kind: 'refused',
    meaning: 'The model is overloaded, or the account has reached a rate limit. The job is tried again later.',
    remedy: 'Nothing to do: the process that runs the job waits, and so does `agenticore resume ID`.',
  },
  agent_not_starting: {
    kind: 'timed_out',
    meaning: 'Claude Code was started and said nothing, so it was stopped.',
    remedy: 'Start `claude -p hello` by hand on the same machine. The diff is kept with the job.',
  },
  agent_silent: {
    kind: 'timed_out',
    meaning: 'Claude Code went silent in the middle of its work, so it was stopped.',
    remedy: '`agenticore logs ID` shows what it did last. The diff is kept with the job.',
  },
  agent_hung: {
    kind: 'timed_out',
    meaning: 'Claude Code gave its result and did not end, so it was stopped and its result is not trusted.',
    remedy: '`agenticore logs ID` shows the result. The diff is kept with the job.',
  },
  timeout: {
    kind: 'timed_out',
    meaning: 'The agent did not finish within its time.',
    remedy: 'Raise --timeout (or AGENTICORE_CLAUDE_TIMEOUT), or split the task. The diff is kept with the job.',
  },
  interrupted: {
    kind: 'interrupted',
    meaning: 'The run was stopped from outside.',
    remedy: '`agenticore resume ID` goes on with it.',
  },
  poison: {
    kind: 'refused',
    meaning: 'The process that ran the job died three times in a row, so the job is taken for the cause.',
    remedy: '`agenticore logs ID` shows how far each attempt came. `agenticore retry ID` tries once more.',
  },
  stale_lease: {
    kind: 'refused',
    meaning: 'A later attempt took the job over; what this one still had to say was refused.',
    remedy: 'Nothing to do: the later attempt owns the job.',
  },
  corrupt_record: {
    kind: 'refused',
    meaning: 'A file under the jobs directory is not a record this version can read.',
    remedy: 'Move the file the message names aside; other jobs are not affected.',
  },
  newer_record: {
    kind: 'refused',
    meaning: 'A record was written by a newer agenticore than this one, in a form that this one does not know.',
    remedy: 'Update agenticore. The job is kept as it is, and other jobs are not affected.',
  },
  shared_fs_unusable: {
    kind: 'refused',
    meaning:
      'The volume that pods share cannot be laid out: it belongs to somebody else, is read-only, or has other things there.',
    remedy:
      'Give the place in the message to the user that agenticore runs as (1000 in the image), then try again; nothing was deleted.',
  },
  kubectl_failed: {
    kind: 'refused',
    meaning: '`kubectl` is missing, or did not apply what it was given.',
    remedy: 'Mend what it says and try again: objects that are there already stay as they are.',
  },
  storage_failed: {
    kind: 'refused',
    meaning: 'A file could not be written or read: disk full, no permission, a vanished volume.',
    remedy: 'Make room or give access to the path in the message, then try again.',
  },
  internal: {
    kind: 'refused',
    meaning: 'A fault in agenticore itself.',
    remedy: 'Please report it with the message and the job id.',
  },
} as const satisfies Record<string, { kind: ErrorKind; meaning: string; remedy: string }>

export type ErrorKind =
  | 'usage'
  | 'not_found'
  | 'refused'
  | 'conflict'
  | 'busy'
  | 'too_large'
  | 'forbidden'
  | 'unauthorised'
  | 'unavailable'
  | 'timed_out'
  | 'interrupted'

declare const laterBrand: unique symbol
/** A code that only a later version has: its name is all there is to know. */
type LaterErrorCode = string & { readonly [laterBrand]: true }

export type ErrorCode = keyof typeof catalogue | LaterErrorCode

const later = {
  kind: 'refused',
  meaning: 'An error of a later version.',
  remedy: 'The job ended under a newer agenticore, which has a code for it that this one does not know: update.',
} as const

/** The row of a code. */
export const rowOf = (code: ErrorCode): { kind: ErrorKind; meaning: string; remedy: string } =>
  isKnown(code) ? catalogue[code] : later

const isKnown = (code: string): code is keyof typeof catalogue => Object.hasOwn(catalogue, code)

/** An error the user can act on: `message` says what happened to what, `remedy` what to do. */
export class AgenticoreError extends Error {
  readonly code: ErrorCode
  readonly remedy: string

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; remedy?: string } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.name = 'AgenticoreError'
    this.code = code
    this.remedy = options.remedy ?? rowOf(code).remedy
  }

  get kind(): ErrorKind {
    return rowOf(this.code).kind
  }
}

/** What a record may have as a code, from this version or a later one. */
export const isErrorCode = (text: string): text is ErrorCode => /^[a-z][a-z0-9_]*$/.test(text)

export const queueFull = (queued: number, limit: number): AgenticoreError =>
  new AgenticoreError('queue_full', `${queued} jobs wait, and no more than ${limit} may.`)
