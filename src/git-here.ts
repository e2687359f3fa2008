import { gitHubToken, isOfApi } from './github/hosts.ts'
import { basicPair, type FindCredential } from './jobs/credentials.ts'
import type { LocalParts } from './parts.ts'
import { askedOnce, firstOf } from './repos/credential-chain.ts'
import { Git } from './repos/git.ts'
import { ghToken, gitCredential } from './repos/user-credentials.ts'
import { backoffMs } from './util/backoff.ts'
import { systemClock } from './util/clock.ts'

/** The composition root's part for git: how it is run here, and who opens repositories for it. */

/** On somebody's own machine: what serves no host by itself is asked of the user's own programs, once. */
export function credentialsOf({ surroundings, secrets }: LocalParts): FindCredential {
  const { settings, userEnvironment: env } = surroundings
  const github = { apiUrl: settings.githubApiUrl }
  const userPrograms = firstOf([gitCredential({ env }), ghToken({ env }, address => isOfApi(address, github))])
  const known = askedOnce(userPrograms, lookup => {
    if (lookup.kind === 'found') secrets.add(lookup.credential.password, basicPair(lookup.credential))
  })
  return firstOf([gitHubToken(settings.githubToken, github), known])
}

export function gitFor(
  { surroundings, measures }: Pick<LocalParts, 'surroundings' | 'measures'>,
  findCredential: FindCredential,
): Git {
  const { settings, path, home, sshAuthSock, network } = surroundings
  return new Git({
    path,
    home,
    sshAuthSock,
    authorName: settings.gitAuthorName,
    authorEmail: settings.gitAuthorEmail,
    network,
    followRedirects: settings.allowedHosts.length === 0,
    findCredential,
    pause: (failures, signal) =>
      systemClock.sleep(backoffMs(failures, { baseMs: 1000, maxMs: 10_000 }, Math.random()), signal),
    clock: systemClock,
    measures,
  })
}
