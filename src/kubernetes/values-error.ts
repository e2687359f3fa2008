/** A value that the chart does not have, or that cannot be what was given. Nothing was printed. */
export class ValuesError extends Error {
  override readonly name = 'ValuesError'
}
