/**
 * Writes the pages under docs/ that say what the code says: settings, errors, the job record, the commands, profiles,
 * metrics.
 * With --check it writes nothing and fails where a page says something else;
 * with names of pages it looks at these alone.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { execa } from 'execa'
import { wireJob } from '../src/api/job.ts'
import { exitCodes } from '../src/commands/exit-codes.ts'
import { commands } from '../src/commands/index.ts'
import { allSettings } from '../src/config/settings.ts'
import { catalogue } from '../src/jobs/errors.ts'
import type { SpanName } from '../src/jobs/tracing.ts'
import { claudeKeys, notes, profileKeys } from '../src/profiles/schema.ts'
import { counters, gauges, type Metric, timings } from '../src/telemetry/metrics.ts'

const root = join(import.meta.dirname, '..')
const generated = '<!-- Written by scripts/docs.ts. Edit the source it names, then run `npm run docs`. -->'

const table = (headings: string[], rows: string[][]): string =>
  [headings, headings.map(() => '---'), ...rows].map(cells => `| ${cells.map(cell).join(' | ')} |`).join('\n')

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

function settingsPage(): string {
  const rows = allSettings().map(({ variable, yaml, kind, shown, meaning }) => {
    const either = (name: string, suffix: string): string =>
      kind.secret ? `\`${name}\` or \`${name}${suffix}\`` : `\`${name}\``
    return [either(variable, '_FILE'), yaml === undefined ? '' : either(yaml, '_file'), shown, kind.allowed, meaning]
  })
  return `# Settings

Every setting is an environment variable, and most are keys of \`~/.agenticore/config.yml\`, too. The variable counts before
the file, the file before the default. An empty value counts as unset; a wrong one stops the program at once with its name
(in the file also line and column), its value and what is allowed. Source: \`src/config/settings.ts\`.

${table(['variable', 'key in the file', 'default', 'allowed', 'what it does'], rows)}

## The file

\`\`\`yaml
# ~/.agenticore/config.yml
server:
  port: 8300
  api_keys_file: ~/.agenticore/api-keys
git:
  allowed_hosts: [github.com, ghe.example.com]
\`\`\`

A key is a group and a name in it; the table has a dot between them. Where commas are allowed between several, a list is,
too. A file for \`server.api_keys\` that is empty is an error: without a key the server would be open. An unknown key is an error that names the nearest one, and so is one that is there twice. Keys that this version has
no use for (those of the Python agenticore) are passed over with a warning.

Secrets are better kept in files of their own: \`X_FILE\` or \`x_file\` is the path of one, whose white space at both ends does
not count; in one with API keys a newline separates as a comma does. Giving both the secret and its file is an error. A
\`config.yml\` that holds a secret and that others can read gets a warning.

## Variables that nothing reads

\`agenticore doctor\` and \`agenticore serve\` warn of \`AGENTICORE_…\` variables that are no setting and name the nearest
one, and of variables of the Python agenticore that this version does not use. What Kubernetes sets by itself for a
Service named agenticore is left alone.

## Handed on to others

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

function profilesPage(): string {
  const rowsOf = (shape: object, prefix: string): string[][] =>
    Object.entries(shape).flatMap(([name, schema]) => {
      const said = notes.get(schema)
      return said ? [[`\`${prefix}${name}\``, said.allowed, said.meaning]] : []
    })
  return `# Profiles

A profile says how the agent is set up and what becomes of its work. \`agenticore run --profile NAME\` picks one,
\`AGENTICORE_DEFAULT_PROFILE\` the one for jobs that name none. \`agenticore profiles\` lists them with where each comes
from; \`agenticore profiles NAME\` prints what one and everything it extends say together. Source: \`src/profiles/\`.

\`coding\` does the task and opens a pull request. \`review\` reads and reports, and cannot change anything.

## A profile is a directory

\`\`\`text
~/.agenticore/profiles/frontend/
  profile.yml               the keys below; may be missing
  CLAUDE.md                 what the agent is told; or in .claude/
  .claude/settings.json     Claude Code's settings: permissions, hooks
  .claude/agents/ skills/ commands/ …
  .mcp.json                 MCP servers
\`\`\`

Of two profiles with one name the later counts: built in, agentihooks', \`{shared}/profiles\` (with \`AGENTICORE_SHARED_FS_ROOT\`),
\`~/.agenticore/profiles\`. One that extends its own name builds on the one it stands in front of.

\`\`\`yaml
description: Our front end, checked before anybody looks
extends: coding
setup: npm ci
verify: npm test
labels: [agent]
env:
  CI: 1
claude:
  model: sonnet
  max_turns: 60
\`\`\`

## Keys of profile.yml

${table(['key', 'allowed', 'what it does'], [...rowsOf(profileKeys.shape, ''), ...rowsOf(claudeKeys.shape, 'claude.')])}

Another key is an error that names the nearest one; keys that agentihooks and the original agenticore keep in the same file
are passed over with a warning. \`null\` takes away what a parent says. A limit of the job (\`--model\`, \`--max-turns\`,
\`--max-budget-usd\`, \`--timeout\`) counts more than the profile's.

## What \`extends\` does

| of | from parent to child |
| --- | --- |
| \`profile.yml\` | objects are merged key by key, lists replaced, \`null\` deletes |
| \`.claude/settings.json\`, then \`settings.local.json\` | the same, but the lists under \`permissions\` and \`hooks\` are joined |
| \`.mcp.json\` | all servers; of two with one name the child's, \`null\` deletes |
| \`CLAUDE.md\` | the parent's first, then the child's |
| other files in \`.claude/\` | all of them, but for \`projects\` and \`.credentials.json\`; of two with one path the child's |

The result is written to \`job_config_dir\` of the job, outside its working tree, and reaches Claude Code by flags.
\`\${VAR}\` and \`\${VAR:-default}\` in \`.mcp.json\` are filled in from the profile's \`env\` and from nothing else. A server, a
permission or a hook in a shape that Claude Code would pass over without a word is an error, before anything is submitted.

## setup and verify

Both run by \`sh\` in the working tree, as the agent's user, with the agent's environment but none of its credentials, for
at most the job's timeout; whatever they leave running is ended. A \`setup\` that fails ends the job as \`setup_failed\`
before the agent starts. When \`verify\` fails, what it printed goes back to the agent, in the same conversation, up to
\`verify_attempts\` times and as far as the job's turns and budget go. If it still fails, the job ends as \`verify_failed\`: the branch is pushed without a pull
request, and the error has what \`verify\` printed last; where a pull request is open already, a comment says so. What the two
leave in the tree is in the branch unless it is ignored, but makes none where the agent changed nothing.

## trust_repo

Without it nothing that a repository brings reaches the agent but its \`CLAUDE.md\`. With it come its \`.claude/agents\`,
\`skills\`, \`commands\` and the servers of its \`.mcp.json\` (a name the profile has, too, is the profile's). Its hooks and
settings stay out.`
}

const spanRows = Object.entries({
  'job.submit': ['a submission, until the job is durable', 'whether it is `agenticore.job.new`'],
  'job.claim': ['an attempt, from its claim until that is in its log', ''],
  'job.prepare': ['profile, working tree, the check of Claude Code', '`agenticore.status`'],
  'job.run': [
    "`setup`, the agent's turns, `verify`",
    '`agenticore.status`, `agenticore.model`, `agenticore.turns`, `agenticore.cost_usd`',
  ],
  'job.deliver': ['commit, push, pull request', '`agenticore.status`'],
} satisfies Record<SpanName, [string, string]>).map(([name, [of, attributes]]) => [`\`${name}\``, of, attributes])

function metricsPage(): string {
  const rowsOf = (type: string, metrics: Record<string, Metric>): string[][] =>
    Object.values(metrics).map(({ name, labels, help }) => [
      `\`${name}\``,
      type,
      labels.map(label => `\`${label}\``).join(', '),
      help,
    ])
  const rows = [...rowsOf('gauge', gauges), ...rowsOf('counter', counters), ...rowsOf('histogram', timings)]
  return `# Metrics

What the daemon shows Prometheus. Times are in seconds. The gauges are read at each scrape; counters and histograms are of
this process, and begin at 0 when it starts. Source: \`src/telemetry/metrics.ts\`.

${table(['name', 'type', 'labels', 'meaning'], rows)}

With them come the figures of the process under their usual names: \`process_*\` (CPU, memory, open files, start) and
\`nodejs_*\` (heap, garbage collection, event loop lag).

The number of series is bounded: an error code this version does not know is the reason \`other\`; of token kinds the first
20, of git's subcommands the first 50, of the model's statuses the first 20 have a series of their own, and the rest are
\`other\`.

[grafana-dashboard.json](grafana-dashboard.json) shows all of them: in Grafana, Dashboards → New → Import.

## Traces

With \`OTEL_EXPORTER_OTLP_ENDPOINT\` set the daemon sends one trace a job, by OTLP. Its id is in the job's record, so that
attempts on other machines are in it, too. It goes on from a caller's \`traceparent\`, and Claude Code goes on from it by
\`TRACEPARENT\`: what that logs about itself has the same trace id.

${table(['span', 'of', 'attributes beside the job'], spanRows)}

All but the first have \`agenticore.job.id\`, \`.attempt\` and \`.fence\`, \`agenticore.profile\` and \`agenticore.repo.host\`.
What ended badly has the error's code as \`error.type\`. Nothing of the task, of what the agent said or of what a program
printed is in a span. A collector that cannot be reached is said once in a warning; jobs go on without it.
\`OTEL_EXPORTER_OTLP_HEADERS\` is heeded by the daemon, and not handed to agents.`
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

function thirdPartyPage(): string {
  const path = join(root, 'dist/third-party.json')
  const parties: readonly Record<string, string>[] = JSON.parse(readFileSync(path, 'utf8'))
  const rows = parties.map(({ name, version, licence }) => `| ${name} | ${version} | ${licence} |`)
  return `# What of others comes along

\`dist/\` is one bundle of agenticore and these ${parties.length} npm packages. Their licence texts are in
\`dist/THIRD-PARTY-NOTICES.txt\`, which \`scripts/build.ts\` writes; a package with another licence than these stops the build.
Versions are exact and come with hashes (\`package-lock.json\`); no package's install script is run. \`scripts/sbom\` prints a
CycloneDX bill of materials of the bundle, \`scripts/sbom IMAGE\` one of an image with its Debian and Python packages and what is known
of their licences. \`scripts/audit\` asks the registry for known faults of these packages, and says so where it has no
answer (a mirror without that endpoint, such as the one this was made with, says 405). No fault is excepted.

Beside the bundle the image has Node.js (MIT and what it bundles: \`/usr/share/licenses/node/LICENSE\`), Debian packages (their licences: \`/usr/share/doc/*/copyright\` in it), agentihooks
and its libraries (MIT, MIT-0, Apache-2.0, BSD, ISC, PSF, MPL-2.0; \`scripts/image/agentihooks.txt\` has the versions) and Claude Code, which
is Anthropic's and not free software (\`/usr/share/licenses/claude-code\`): who passes an image on passes Claude Code on.

| package | version | licence |
| --- | --- | --- |
${rows.join('\n')}
`
}

const pages: Record<string, () => string | Promise<string>> = {
  'settings.md': settingsPage,
  'errors.md': errorsPage,
  'job.md': jobPage,
  'cli.md': cliPage,
  'profiles.md': profilesPage,
  'metrics.md': metricsPage,
  'third-party.md': thirdPartyPage,
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

const { values, positionals } = parseArgs({ options: { check: { type: 'boolean' } }, allowPositionals: true })
const wanted = Object.entries(pages).filter(([name]) => positionals.length === 0 || positionals.includes(name))
for (const [name, write] of wanted) {
  const path = join(root, 'docs', name)
  const content = `${generated}\n\n${await write()}\n`
  if (readOrEmpty(path) === content) continue
  if (!values.check) writeFileSync(path, content)
  console.log(`docs/${name} ${values.check ? 'is stale: run npm run docs' : 'written'}`)
  if (values.check) process.exitCode = 1
}
