/** The first `length` UTF-16 units of a text, or one less: never half a character at the end. */
export function wholeStart(text: string, length: number): string {
  const start = text.slice(0, length)
  return start.isWellFormed() ? start : start.slice(0, -1)
}
