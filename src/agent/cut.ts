/** At most `bytes` bytes of UTF-8 from the beginning of `text`, never half a character, and whether that was all. */
export function cut(text: string, bytes: number): { text: string; truncated: boolean } {
  if (text.length * 3 <= bytes) return { text, truncated: false }
  // A character has at least one byte: more of them than this cannot fit, and need not be encoded to see that.
  const encoded = Buffer.from(text.slice(0, bytes + 1))
  if (encoded.length <= bytes) return { text, truncated: false }
  let end = bytes
  while (end > 0 && ((encoded[end] ?? 0) & 0xc0) === 0x80) end -= 1
  return { text: encoded.subarray(0, end).toString('utf8'), truncated: true }
}
