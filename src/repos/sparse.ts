/**
 * The patterns of a sparse checkout in cone mode (git-sparse-checkout(1)): the files at the top and beside the way to each
 * directory, and everything in it.
 */
export function sparsePatterns(directories: readonly string[]): string {
  const wanted = [...new Set(directories.map(path => path.replace(/\/+$/, '').replace(/\/{2,}/g, '/')))].sort()
  const isInside = (path: string): boolean => wanted.some(other => path.startsWith(`${other}/`))
  const roots = wanted.filter(path => !isInside(path))
  const ways = new Set(roots.flatMap(waysTo))
  const lines = ['/*', '!/*/', ...[...ways].sort().flatMap(way => [`/${way}/`, `!/${way}/*/`])]
  return `${[...lines, ...roots.map(path => `/${path}/`)].join('\n')}\n`
}

/** The directories above it, below the top. */
function waysTo(path: string): string[] {
  const parts = path.split('/').slice(0, -1)
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'))
}
