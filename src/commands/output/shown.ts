import { printable } from '../../util/printable.ts'
import type { Style } from './colour.ts'

/** An event as it is shown: a mark in a colour, and what happened, already safe to print. */
export interface Shown {
  readonly mark: string
  readonly style: Style
  readonly text: string
}

export const note = (text: string): Shown => ({ mark: '·', style: 'dim', text: printable(text) })
export const warning = (text: string): Shown => ({ mark: '!', style: 'yellow', text: printable(text) })
export const sent = (text: string): Shown => ({ mark: '↑', style: 'green', text: printable(text) })
