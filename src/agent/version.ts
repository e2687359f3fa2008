/** The oldest Claude Code that the invocation was measured with; older ones may ignore a flag that keeps a secret in. */
export const oldestClaude = '2.1.197'

/** The version in what `claude --version` prints; undefined when there is none. */
export const parseVersion = (text: string): string | undefined => /\b(\d+\.\d+\.\d+)\b/.exec(text)?.[1]

export function isOlder(version: string, than: string): boolean {
  const left = version.split('.').map(Number)
  const right = than.split('.').map(Number)
  const different = left.findIndex((part, index) => part !== right[index])
  return different >= 0 && (left[different] ?? 0) < (right[different] ?? 0)
}
