import { createHash } from 'node:crypto'

/** The same for the same text, and short: to tell whether something has changed, not to keep anybody out. */
export const fingerprint = (text: string): string => createHash('sha1').update(text).digest('base64')
