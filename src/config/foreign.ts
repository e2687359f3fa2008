/**
 * Names that are none of ours and no mistake: of agenticore's first, Python version, and of what comes later. Who brings
 * them along is told that nothing reads them.
 */
const foreignVariables =
  /^(AGENTICORE_(CLONE_ROOT|DEFAULT_MCP_FILE|SHARED_LOCKS|HOME|VENV_PYTHON|AGENTIHUB_\w+|CONV_HASH_FALLBACK)|AGENT_MODE(_\w+)?|AGENTIHUB_\w+|AGENTIBRIDGE_\w+|CLAUDE_CODE_HOME_DIR|GITHUB_APP_(ID|INSTALLATION_ID|PRIVATE_KEY\w*))$/

export const isForeignVariable = (name: string): boolean => foreignVariables.test(name)

const foreignGroups = [
  'redis',
  'agentihooks',
  'agentihub',
  'agentibridge',
  'agent_mode',
  'langfuse',
  'package',
] as const

const foreignKeys =
  /^(jobs\.(lease_seconds|max_attempts)|repos\.(clone_root|shared_locks|default_mcp_file)|github\.app_\w+)$/

/** By the name of a group, or of group and key. */
export const isForeignKey = (name: string): boolean =>
  foreignGroups.some(group => group === name) || foreignKeys.test(name)

export const notUsed = 'is not used by this version (docs/migration.md).'
