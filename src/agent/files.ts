import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { AgentRequest } from '../jobs/agent.ts'
import { copyTree } from '../util/copy.ts'
import { hasCode } from '../util/error-code.ts'
import { isRealDirectory } from '../util/real-directory.ts'
import { removeTree } from '../util/remove-tree.ts'

/** Where one run of the agent keeps what is its own, and where it finds what its profile says. */
export interface AgentFiles {
  readonly home: string
  readonly config: string
  readonly temp: string
  readonly briefing: string
  readonly mcp: string
  readonly settings: string
}

export const agentFiles = ({ scratch, configDir }: Pick<AgentRequest, 'scratch' | 'configDir'>): AgentFiles => ({
  home: join(scratch, 'home'),
  config: configOf(scratch),
  temp: join(scratch, 'tmp'),
  briefing: join(scratch, 'briefing.md'),
  mcp: join(configDir, '.mcp.json'),
  settings: join(configDir, '.claude/settings.json'),
})

/** Claude Code's own directory: its sessions, and what belongs to its user. */
export const configOf = (scratch: string): string => join(scratch, 'claude')

/** What has a flag of its own; the rest of a profile's `.claude` goes where Claude Code looks for the user's. */
const flagged = ['settings.json', 'CLAUDE.md']

/**
 * Everything the agent finds when it starts. An earlier attempt's agent may have owned these places: a link it left in
 * one of them is replaced, never followed.
 */
export async function prepareFiles(request: AgentRequest): Promise<void> {
  const { scratch, configDir, briefing, profile } = request
  const files = agentFiles(request)
  await mkdir(scratch, { recursive: true, mode: 0o700 })
  for (const directory of [files.home, files.config, files.temp]) {
    if (await isRealDirectory(directory)) continue
    await removeTree(directory)
    await mkdir(directory, { mode: 0o700 })
  }
  const source = join(configDir, '.claude')
  for (const name of (await readdir(source)).filter(entry => !flagged.includes(entry))) {
    await removeTree(join(files.config, name))
    await copyTree(join(source, name), join(files.config, name), { links: 'left out' })
  }
  await rm(files.briefing, { force: true })
  const said = [briefing, await textOf(join(source, 'CLAUDE.md')), profile.claude.appendSystemPrompt]
  await writeFile(files.briefing, said.filter(Boolean).join('\n'), { flag: 'wx' })
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return ''
    throw error
  }
}
