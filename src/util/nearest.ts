/** The candidate that differs from `text` by the fewest letters, if it is near enough to be meant. */
export function nearest(text: string, candidates: readonly string[]): string | undefined {
  const wanted = text.toLowerCase()
  const ranked = candidates
    .map(candidate => ({
      candidate,
      distance: editDistance(wanted, candidate.toLowerCase()),
      lengthens: Math.abs(candidate.length - wanted.length),
    }))
    .sort((a, b) => a.distance - b.distance || a.lengthens - b.lengthens)
  const best = ranked[0]
  return best && best.distance <= (wanted.length < 4 ? 1 : Math.max(2, wanted.length / 3)) ? best.candidate : undefined
}

/** How many letters have to be put in, left out or changed (Levenshtein). */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (const [index, letter] of [...from].entries()) {
    const above = row
    row = [index + 1]
    for (let column = 1; column <= to.length; column++) {
      const changed = (above[column - 1] ?? 0) + (to[column - 1] === letter ? 0 : 1)
      row.push(Math.min(changed, (above[column] ?? 0) + 1, (row[column - 1] ?? 0) + 1))
    }
  }
  return row[to.length] ?? 0
}

/** `, did you mean "x"?`, or nothing. */
export function didYouMean(text: string, candidates: readonly string[]): string {
  const candidate = nearest(text, candidates)
  return candidate === undefined ? '' : `, did you mean "${candidate}"?`
}
