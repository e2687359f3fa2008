const places = '/home /run /app /tmp /var /etc /dev/shm /opt /srv /proc/[0-9]*/environ /proc/[0-9]*/cmdline'

/**
 * A command that prints the files in which a secret stands; in halves, so that the command itself is no finding.
 * @param more places beside those that a container has
 */
export function lookFor(secret: string, more = ''): string {
  const [word = '', ...others] = secret.split('-')
  return `grep -rlsF "${word}-""${others.join('-')}" ${places}${more} 2>/dev/null`
}
