/** All ways to agentihooks, and all that keep it away, in the container. */
import { inside, report, request, restartedWith, until } from './check-kit.ts'

const readable = '/app/worktrees/.check'
const closed = '/home/agenticore/check'

/** A checkout made of what the image has, where agents get to; one that is broken; one in a closed home, which is an origin. */
const layOut = `set -e
mkdir -p ${readable}/checkout ${closed}
cd /opt/agentihooks/lib/python3.*/site-packages
cp -r hooks scripts profiles ${readable}/checkout/
cd ${readable}/checkout
cat >pyproject.toml <<'TOML'
[project]
name = "agentihooks"
version = "0.0.1"
[project.scripts]
agentihooks = "scripts.install:main"
[tool.setuptools.packages.find]
include = ["hooks*", "scripts*", "profiles*"]
TOML
cp -r ${readable}/checkout ${readable}/broken
echo 'this is no Python' >${readable}/broken/scripts/install.py
cp -r ${readable}/checkout ${closed}/checkout
cd ${closed}/checkout
git init -q . && git add -A
git -c user.name=check -c user.email=check@localhost commit -qm check`

const ways: readonly (readonly [what: string, settings: Readonly<Record<string, string>>, state: RegExp])[] = [
  ['a clone', { CHECK_AGENTIHOOKS_URL: `${closed}/checkout` }, /^\S+, profile default, from \/home/],
  ['a checkout', { CHECK_AGENTIHOOKS_PATH: `${readable}/checkout` }, /^\S+, profile default, from \/app/],
  ['a checkout in a closed home', { CHECK_AGENTIHOOKS_PATH: `${closed}/checkout` }, /^failed: .*\/bin\/sh -c ended/],
  ['a wrong address', { CHECK_AGENTIHOOKS_URL: 'http://127.0.0.1:1/o/r.git' }, /^failed: /],
  ['a wrong path', { CHECK_AGENTIHOOKS_PATH: '/nonexistent' }, /^failed: .*no checkout/],
  ['a broken package', { CHECK_AGENTIHOOKS_PATH: `${readable}/broken` }, /^failed: .*SyntaxError/],
  ['the installed one', {}, /^\S+, profile default, from \/usr\/local\/bin\/agentihooks/],
]

/** The jobs go well either way: a hook that cannot be started would block them. */
export async function theWaysOfAgentihooks(): Promise<void> {
  await inside(layOut, '-u', '1000')
  for (const [what, settings, expected] of ways) {
    await restartedWith(settings)
    const state: string = await until(async () => {
      const is = (await request('GET', '/status')).json.agentihooks
      return is !== undefined && is !== 'being installed' && is
    }, 300_000)
    report(`agentihooks, ${what}`, expected.test(state), state)
    await until(
      async () => (await inside(`node -e 'fetch("http://127.0.0.1:9101").then(() => console.log(1))'`)) === '1',
    )
    const { job } = (await request('POST', '/jobs', { task: 'leave', wait: true })).json
    report('  and jobs run', job?.status === 'succeeded' && job.num_turns === 2, `${job?.status} ${job?.error ?? ''}`)
  }
}
