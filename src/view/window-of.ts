/** How declarations say that a part of a key is a window of time. */
import type { NamedPart } from '../mutation.ts'
import type { KeyType } from '../types/types.ts'
import { windowSeconds, type WindowType } from '../types/windows.ts'

export type WindowDeclaration = { readonly type: WindowType; readonly length: string }

/** What declarations say of a part of a key. */
export type PartDeclaration = KeyType | WindowDeclaration

/**
 * A part of a key that holds the start of the window into which a column's value falls, as
 * `date_bin(length, column, '1970-01-01')` says it. A null or infinite value falls into none, so its
 * row belongs to no entry. Only a view without `row` can have one.
 *
 *     key: { session: 'bigint', start: windowOf('timestamptz', '5 minutes') },
 *     aggregates: { clicks: countOf('clicks', { by: ['session_id', 'happened_at'] }) },
 *
 * `length` is a whole number of seconds, minutes, hours or days; of days alone for a `date`.
 */
export function windowOf(type: WindowType, length: string): WindowDeclaration {
  return { type, length }
}

export function partOf(name: string, part: PartDeclaration): NamedPart {
  if (typeof part === 'string') return { name, type: part }
  return { name, type: part.type, window: { seconds: windowSeconds(part.length)! } }
}
