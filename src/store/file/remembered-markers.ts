import type { JobId } from '../../jobs/job.ts'
import type { Clock } from '../../util/clock.ts'
import { idOfMarker, KnownIds } from './known-ids.ts'
import { Markers } from './markers.ts'

/** Markers that many look at: `ids` says what there is, `known` at less cost what there was a moment ago. */
export class RememberedMarkers extends Markers {
  readonly known: KnownIds

  constructor(directory: string, clock: Clock) {
    super(directory)
    this.known = new KnownIds({ directory, idOf: idOfMarker, clock })
  }

  protected override arrived(id: JobId): void {
    this.known.add(id)
  }

  protected override left(id: JobId): void {
    this.known.remove(id)
  }
}
