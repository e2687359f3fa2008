/**
 * Names that are none of ours and no mistake: of agenticore's first, Python version, and of what comes later. Who brings
 * them along is told that nothing reads them.
 */
const foreignVariables =
  /^(AGENTICORE_(CLONE_ROOT|DEFAULT_MCP_FILE|SHARED_LOCKS|HOME|VENV_PYTHON|AGENTIHUB_\w+|CONV_HASH_FALLBACK|AGENTIHOOKS_(BRANCH|BUNDLE_\w+))|AGENT_MODE(_\w+)?|AGENTIHUB_\w+|AGENTIBRIDGE_\w+|GITHUB_APP_(ID|INSTALLATION_ID|PRIVATE_KEY\w*))$/

export const isForeignVariable = (name: string): boolean => foreignVariables.test(name)

const foreignGroups = ['agentihub', 'agentibridge', 'agent_mode', 'langfuse', 'package'] as const

const foreignKeys =
  /^(jobs\.max_attempts|repos\.(clone_root|shared_locks|default_mcp_file)|github\.app_\w+|agentihooks\.(branch|bundle_\w+|sync_interval))$/

/** By the name of a group, or of group and key. */
export const isForeignKey = (name: string): boolean =>
  foreignGroups.some(group => group === name) || foreignKeys.test(name)

/** Nothing reads it, and why. */
export const withoutEffect: Readonly<Record<string, string>> = {
  AGENTICORE_AGENTIHOOKS_SYNC_INTERVAL: 'has no effect any more: agentihooks is installed once, when a server starts.',
  AGENTICORE_MAX_ATTEMPTS:
    'has no effect yet: a job that failed has ended, and agenticore retry asks for the same again.',
}

/** What is so whatever is set. */
export const isSoAnyway = (name: string, text: string): boolean => name === 'AGENTICORE_MAX_ATTEMPTS' && text === '1'

export const notUsed = 'is not used by this version (docs/migration.md).'
