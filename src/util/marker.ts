import { AsyncLocalStorage } from 'node:async_hooks'

/** The variable that marks every process of one attempt; children inherit it, in sessions of their own too. */
export const markerVariable = 'AGENTICORE_JOB_MARKER'

const current = new AsyncLocalStorage<string>()

/** Every program that is started in the course of `work` carries the marker, so that none is overlooked when it ends. */
export const marked = <T>(marker: string, work: () => Promise<T>): Promise<T> => current.run(marker, work)

/** For the environment of a program that is started now. */
export function markerEnvironment(): Record<string, string> {
  const marker = current.getStore()
  return marker === undefined ? {} : { [markerVariable]: marker }
}
