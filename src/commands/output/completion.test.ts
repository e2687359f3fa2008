import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type Completable, completionFor } from './completion.ts'

const commands: readonly Completable[] = [
  {
    name: 'jobs',
    summary: "List the user's jobs: newest first.",
    flags: [
      { name: 'json', description: 'print [JSON]', values: undefined },
      { name: 'status', short: 's', description: 'only these', values: ['queued', 'running'] },
    ],
  },
  { name: 'job', summary: 'Show one job.', flags: [] },
]

t.test('bash completes commands, flags, and the values of a flag', t => {
  const script = join(t.testdir(), 'completion.bash')
  writeFileSync(script, completionFor('bash', 'agenticore', commands))
  const completed = (...words: string[]): string[] => {
    const quoted = words.map(word => `'${word}'`).join(' ')
    const asked = `. ${script}; COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _agenticore; echo "\${COMPREPLY[@]}"`
    // A bash whose input is a socket, as node's is, reads what its user has in ~/.bashrc.
    const answer = execFileSync('bash', ['--norc', '-c', asked], { encoding: 'utf8', input: '' })
    return answer.trim().split(' ').filter(Boolean)
  }
  t.strictSame(completed('agenticore', 'jo'), ['jobs', 'job'])
  t.strictSame(completed('agenticore', 'jobs', '--'), ['--json', '--status'])
  t.strictSame(completed('agenticore', 'jobs', '--status', 'r'), ['running'])
  t.strictSame(completed('agenticore', 'jobs', '-s', 'r'), ['running'])
  t.strictSame(completed('agenticore', 'jobs', '--status', '=', 'r'), ['running'])
  t.strictSame(completed('agenticore', 'jobs', '--status', '='), ['queued', 'running'])
  t.strictSame(completed('agenticore', 'job', 'abc'), [])
  t.end()
})

t.test('zsh and fish are told the same, with what it means', t => {
  const zsh = completionFor('zsh', 'agenticore', commands)
  t.match(zsh, "'jobs:List the user’s jobs\\: newest first.'")
  t.match(
    zsh,
    "jobs) _arguments '--json[print \\[JSON\\]]' '--status=[only these]:status:(queued running)' '-s+[only these]:status:(queued running)'",
  )
  const fish = completionFor('fish', 'agenticore', commands)
  t.match(fish, "-n '__fish_seen_subcommand_from jobs' -l status -s s -r -f -a 'queued running' -d 'only these'")
  t.end()
})
