import type { JobId } from '../../jobs/job.ts'

/** More than this are sorted anew with all others, instead of put in their places one by one. */
const mostOneByOne = 1000

/** Ids in the order of submission, many of them, changed one by one. */
export class SortedIds {
  #ids: JobId[] = []
  #known = new Set<JobId>()

  get all(): readonly JobId[] {
    return this.#ids
  }

  add(id: JobId): void {
    if (this.#known.has(id)) return
    this.#known.add(id)
    this.#ids.splice(this.#placeOf(id), 0, id)
  }

  remove(id: JobId): void {
    if (this.#known.delete(id)) this.#ids.splice(this.#placeOf(id), 1)
  }

  indexOf(id: JobId): number | undefined {
    return this.#known.has(id) ? this.#placeOf(id) : undefined
  }

  copy(): ReadonlySet<JobId> {
    return new Set(this.#known)
  }

  /** Makes `found` of what there was; what came or went since is left as it is. */
  update(had: ReadonlySet<JobId>, found: ReadonlySet<JobId>): void {
    const gone = [...had].filter(id => !found.has(id) && this.#known.has(id))
    if (gone.length > mostOneByOne) this.#set(this.#ids.filter(id => found.has(id) || !had.has(id)))
    else for (const id of gone) this.remove(id)
    const more = [...found].filter(id => !had.has(id) && !this.#known.has(id))
    if (more.length > mostOneByOne) this.#set([...this.#ids, ...more].sort())
    else for (const id of more) this.add(id)
  }

  /** Goes on in the right place when ids come and go meanwhile. */
  *newestFirst(before?: JobId): Generator<JobId> {
    let at = before === undefined ? this.#ids.length : this.#placeOf(before)
    while (at > 0) {
      at -= 1
      const id = this.#ids[at]
      if (id === undefined) return
      yield id
      if (this.#ids[at] !== id) at = this.#placeOf(id)
    }
  }

  #set(ids: JobId[]): void {
    this.#ids = ids
    this.#known = new Set(ids)
  }

  /** Where the id is, or would be. */
  #placeOf(id: JobId): number {
    let [low, high] = [0, this.#ids.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#ids[middle] ?? '') < id) low = middle + 1
      else high = middle
    }
    return low
  }
}
