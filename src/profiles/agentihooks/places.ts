import { join } from 'node:path'

export interface AgentihooksPlaces {
  /** What jobs take from it. */
  readonly layer: string
  /** Of a checkout in front of the installed one. */
  readonly environment: string
  readonly clones: string
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
  const open = join(worktreeRoot, '.agentihooks')
  return {
    layer: join(home, '.agenticore/agentihooks/layer'),
    environment: join(open, 'venv'),
    clones: sharedFsRoot === '' ? join(open, 'clones') : join(sharedFsRoot, 'agentihooks'),
  }
}

/** A link to what the last installation brought; the two are there together, or not at all. */
export const currentIn = (layer: string): string => join(layer, 'current')
export const baseIn = (layer: string): string => join(currentIn(layer), 'base')
export const profilesIn = (layer: string): string => join(currentIn(layer), 'profiles')
