import { v7 } from 'uuid'

/** A UUID v7 (RFC 9562): starts with `at`, so ids sort by the time they were made. */
export const uuidV7 = (at: Date): string => v7({ msecs: at.getTime() })

/** When a UUID v7 was made. */
export const madeAt = (uuid: string): Date => new Date(Number.parseInt(uuid.replace('-', '').slice(0, 12), 16))

/** Twelve hex digits from the random end of a UUID v7; its first ones are the time, and collide. */
export const shortId = (id: string): string => id.slice(-12)

export const isUuid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)
