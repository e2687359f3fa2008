import { join } from 'node:path'

export interface AgentihooksPlaces {
  /** What jobs take from it. */
  readonly layer: string
  /** How the last server fared with it. */
  readonly outcome: string
  /** Held by the server that is installing it in this home. */
  readonly lock: string
  /** Of a checkout in front of the installed one. */
  readonly environment: string
  readonly clones: string
  /** Those of these that have to be open to the users that agents run as; the outer ones first. */
  readonly open: readonly string[]
}

/**
 * Where it has what is its own. What hooks run from is where agents of other users get to; clones are there for all
 * machines that share a volume.
 */
export function agentihooksPlaces({
  home,
  settings: { sharedFsRoot, worktreeRoot },
}: {
  readonly home: string
  readonly settings: { readonly sharedFsRoot: string; readonly worktreeRoot: string }
}): AgentihooksPlaces {
  const ours = join(home, '.agenticore/agentihooks')
  const open = join(worktreeRoot, '.agentihooks')
  const clones = sharedFsRoot === '' ? join(open, 'clones') : join(sharedFsRoot, 'agentihooks')
  return {
    layer: join(ours, 'layer'),
    outcome: join(ours, 'outcome.json'),
    lock: join(ours, 'lock'),
    environment: join(open, 'venv'),
    clones,
    open: [open, clones],
  }
}
