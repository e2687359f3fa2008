import { lookFor } from '../../image/look.ts'
import { Laptop } from '../laptop.ts'
import { canary } from '../outside.ts'
import type { Place } from '../place.ts'
import type { Chapter } from '../report.ts'

const capabilities = 'grep -hE "^Cap(Prm|Eff|Amb)" /proc/$server/status | cut -f2 | sort -u | tr "\\n" " "'
/** Of the server: the one that listens, whatever started it. */
const find =
  'for p in /proc/[0-9]*; do case "$(tr "\\0" " " <$p/cmdline)" in *"/dist/main.js serve"*) server=$(basename $p) ;; esac; done'
const status = (field: string): string => `$(grep "^${field}:" /proc/$server/status | tr -s "\\t " " " | cut -d" " -f2)`

/** What the chart says about who may do what, as it is seen inside. */
export async function theWalls(chapter: Chapter, place: Place): Promise<void> {
  const said = await place.exec(
    'agenticore-0',
    `${find}; echo "uid ${status('Uid')}, capabilities $(${capabilities})seccomp ${status('Seccomp')}, no new privileges ${status('NoNewPrivs')}"`,
  )
  chapter.report(
    'inside: the server is user 1000 with SETUID, SETGID, KILL, CHOWN and no other capability, seccomp filter on',
    /^uid 1000, capabilities 0{14}e1 seccomp 2, no new privileges 1$/.test(said),
    said,
  )
  const first = await place.exec(
    'agenticore-0',
    'grep -hE "^Cap(Prm|Eff|Bnd)" /proc/1/status | cut -f2 | sort -u | tr "\\n" " "',
  )
  chapter.report('inside: what starts it has these four and no other', first.trim() === '00000000000000e1', first)
  await theRest(chapter, place)
  await theSpy(chapter, place, /^found:\[\] uid:20\d{3} CapEff:\S*0{16} Seccomp:\S*2$/)
}

/** The same where all are one user. */
export async function theWallsWithoutUsers(chapter: Chapter, place: Place): Promise<void> {
  const said = await place.exec(
    'agenticore-0',
    `${find}; echo "uid ${status('Uid')}, capabilities $(${capabilities})seccomp ${status('Seccomp')}"`,
  )
  chapter.report(
    'inside: with isolation none everything is user 1000 without any capability',
    /^uid 1000, capabilities 0{16} seccomp 2$/.test(said),
    said,
  )
  await theRest(chapter, place)
}

async function theRest(chapter: Chapter, place: Place): Promise<void> {
  const places = '/ /etc /usr/local/bin /app /opt/agentihooks'
  const written = await place.exec(
    'agenticore-0',
    `for d in ${places}; do touch $d/x 2>/dev/null && echo $d; done; true`,
  )
  chapter.report(
    'inside: the root file system is read-only',
    written === '',
    written || `nothing could be written in ${places}`,
  )
  const token = await place.exec('agenticore-0', 'find /var/run/secrets /run/secrets -type f 2>/dev/null; true')
  chapter.report('inside: no token of a service account', token === '', token)
  const links = await place.exec(
    'agenticore-0',
    'env | grep -E "_SERVICE_HOST|_PORT_[0-9]+_TCP" | grep -v ^KUBERNETES_; true',
  )
  chapter.report('inside: no variables of services', links === '', links)
}

/** With its capabilities: without them the kernel shows nobody the environment of who has them. */
const four = '-all,+setuid,+setgid,+kill,+chown'
const asServer = `setpriv --reuid 1000 --regid 1000 --clear-groups --inh-caps=${four} --ambient-caps=${four}`

/** An agent that looks everywhere for what is secret, by a tool of the real Claude Code. */
async function theSpy(chapter: Chapter, place: Place, expected: RegExp): Promise<void> {
  await using laptop = await Laptop.forwarded(place)
  const { stdout } = await laptop.agenticore('run', 'spying-agent: look around', '--wait', '--json')
  const { id = '' }: { id?: string } = JSON.parse(stdout || '{}')
  const events = await laptop.agenticore('logs', id, '--json')
  const [said = ''] = /found:\[[^\]]*\] uid:\d+ CapEff:[^"]+?Seccomp:(\\t|\s)*\d/.exec(events.stdout) ?? []
  chapter.report(
    'an agent finds no secret, and is a user without capabilities',
    expected.test(said.replaceAll('\\t', '\t')),
    said,
  )
  // What finds nothing for the agent has to be able to find something.
  const control = await place.exec('agenticore-0', `${asServer} sh -c '${lookFor(canary)}'; true`)
  chapter.report(
    'the same search by the server itself finds them',
    /\/proc\/\d+\/environ/.test(control),
    control.split('\n').slice(0, 3).join(' '),
  )
}
