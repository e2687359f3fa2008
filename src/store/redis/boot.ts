/** One start of one process: a successor under the same name is another. */
export interface Boot {
  readonly id: string
  readonly podName: string
  /** Which replica of a StatefulSet it is; '' outside of one. */
  readonly ordinal: number | ''
}
