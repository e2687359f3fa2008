/** What is outside of an image that is checked: a GitHub with the quickstart's repository, and a model that follows a script. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { startGitHub } from '../../test/fixtures/github/server.ts'
import { assertScript } from '../../test/fixtures/model/script.ts'
import { startModel } from '../../test/fixtures/model/server.ts'
import { bash } from '../../test/helpers/e2e.ts'
import { lookFor } from './look.ts'

const root = join(import.meta.dirname, '..')
const { GITHUB_TOKEN: token = '', ANTHROPIC_API_KEY: key = '' } = process.env

const source = join(root, 'quickstart-repository')
const files = Object.fromEntries(readdirSync(source).map(name => [name, readFileSync(join(source, name), 'utf8')]))
// The image has no npm.
const quickstart: unknown = JSON.parse(
  readFileSync(join(root, 'quickstart-model.json'), 'utf8').replaceAll('npm test', 'node --test'),
)
assertScript(quickstart)
const hold = bash('touch /tmp/check-started; until [ -e /tmp/check-go ]; do sleep 0.1; done')
const leave = bash('(setsid sh -c "sleep 0.1 & sleep 0.2" &) ; true')
const spy = bash(`echo "found:[$(${lookFor(token)})] uid:$(id -u) $(grep CapEff /proc/self/status)"`)
const spied = { match: 'spy', turns: [spy, { text: 'Spied.' }] }
const held = { match: 'hold', turns: [hold, { text: 'Held.' }] }
const left = { match: 'leave', turns: [leave, { text: 'Left.' }] }

const github = await startGitHub({ root: '/tmp/github', token, port: 9102 })
await github.createRepo({ owner: 'octo', name: 'slugs', files })
await startModel({ require_key: key, scripts: [spied, held, left, ...quickstart.scripts] }, { port: 9101 })
