/**
 * Writes the pages under docs/ that say what the code says: settings, errors, the job record, the commands.
 * With --check it writes nothing and fails where a page says something else.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { wireJob } from '../src/api/job.ts'
import { exitCodes } from '../src/commands/exit-codes.ts'
import { commands } from '../src/commands/index.ts'
import { readSettings } from '../src/config/settings.ts'
import { catalogue } from '../src/jobs/errors.ts'

const root = join(import.meta.dirname, '..')
const generated = '<!-- Written by scripts/docs.ts. Edit the source it names, then run `npm run docs`. -->'

const table = (headings: string[], rows: string[][]): string =>
  [headings, headings.map(() => '---'), ...rows].map(cells => `| ${cells.map(cell).join(' | ')} |`).join('\n')

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

function settingsPage(): string {
  const rows: string[][] = []
  readSettings(({ variable, kind, fallback, shown, meaning }) => {
    const name = kind.secret ? `\`${variable}\` or \`${variable}_FILE\`` : `\`${variable}\``
    rows.push([name, shown, kind.allowed, meaning])
    return fallback('~')
  })
  return `# Settings

Every setting is an environment variable. An empty one counts as unset; a wrong one stops the program at once with its
name, its value and what is allowed. Source: \`src/config/settings.ts\`.

${table(['variable', 'default', 'allowed', 'what it does'], rows)}

Handed on as they are: \`HTTPS_PROXY\`, \`HTTP_PROXY\`, \`NO_PROXY\`, \`ALL_PROXY\`, \`NODE_EXTRA_CA_CERTS\`, \`SSL_CERT_FILE\`,
\`SSL_CERT_DIR\`, \`GIT_SSL_CAINFO\` to git and the agent; \`SSH_AUTH_SOCK\` to git alone; with \`CLAUDE_CODE_USE_BEDROCK\` or
\`CLAUDE_CODE_USE_VERTEX\` set, the \`AWS_*\`, \`GOOGLE_*\`, \`ANTHROPIC_BEDROCK_*\`, \`ANTHROPIC_VERTEX_*\` variables,
\`ANTHROPIC_MODEL\` and \`CLOUD_ML_REGION\` to the agent. \`git credential\` and \`gh\`, which are asked for what
\`GITHUB_TOKEN\` does not open, get your environment without our secrets, \`SSH_ASKPASS\` and \`GIT_*\` (of which
\`GIT_CONFIG_GLOBAL\`, \`GIT_CONFIG_SYSTEM\`, \`GIT_CONFIG_NOSYSTEM\` and \`GIT_EXEC_PATH\` stay).`
}

function errorsPage(): string {
  const rows = Object.entries(catalogue).map(([code, { kind, meaning, remedy }]) => [
    `\`${code}\``,
    String(exitCodes[kind]),
    meaning,
    remedy,
  ])
  return `# Errors

Each error has a code. It stands in brackets behind the message, and as \`error_code\` in the record of a job that failed.
Source: \`src/jobs/errors.ts\`.

${table(['code', 'exit code', 'what happened', 'what to do'], rows)}`
}

function jobPage(): string {
  const rows = Object.entries(wireJob.shape).map(([name, schema]) => {
    const always = schema.isOptional() ? '' : 'always'
    return [`\`${name}\``, always, schema.description ?? '']
  })
  return `# The job record

What \`agenticore job ID --json\` prints, and \`jobs --json\` an array of. A field that has no value yet is left out, unless
it is marked as always there. Source: \`src/api/job.ts\`.

${table(['field', '', 'what it says'], rows)}`
}

async function cliPage(): Promise<string> {
  const names = Object.keys(commands).filter(name => name !== 'help')
  const sections = names.map(async name => {
    const { stdout } = await execa(join(root, 'bin/agenticore'), ['help', name], {
      env: { COLUMNS: '100', NO_COLOR: '1' },
    })
    return `## agenticore ${name}\n\n\`\`\`text\n${stdout.trimEnd().replace(/[ \t]+$/gm, '')}\n\`\`\``
  })
  return `# Commands

Data goes to standard output, everything else to standard error. Exit codes: 0 done · 1 the job failed, or was refused ·
2 wrong usage · 3 no server · 4 not found · 5 not authorised · 124 timed out · 130 interrupted.

${(await Promise.all(sections)).join('\n\n')}`
}

const pages: Record<string, string> = {
  'settings.md': settingsPage(),
  'errors.md': errorsPage(),
  'job.md': jobPage(),
  'cli.md': await cliPage(),
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

const stale = Object.entries(pages).filter(([name, page]) => {
  const path = join(root, 'docs', name)
  const content = `${generated}\n\n${page}\n`
  if (readOrEmpty(path) === content) return false
  if (!process.argv.includes('--check')) writeFileSync(path, content)
  return true
})
for (const [name] of stale)
  console.log(`docs/${name} ${process.argv.includes('--check') ? 'is stale: run npm run docs' : 'written'}`)
process.exitCode = process.argv.includes('--check') && stale.length > 0 ? 1 : 0
