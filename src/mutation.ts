/**
 * The words of the view side.
 *
 *   view          a keyed set of entries that a declaration derives from rows
 *   entry         one key's value in a view
 *   contribution  what one row gives to entries: `put` these fields, `add` this much to that counter
 *   mutation      the merged contributions of a batch to one entry
 */
import type { ColumnType } from './types/types.ts'

/** The fields that one row owns in an entry, or `null` when that row is gone. */
export type Fields = Readonly<Record<string, string | null>>

/**
 * What a batch does to one entry.
 * `put` undefined leaves the owning row's fields alone; `put: null` removes them, for the row is
 * gone; otherwise it replaces them all, where a field that is null is an SQL null.
 * `add` holds amounts by counter name, never zero.
 */
export type Mutation = {
  /** The entry's key as `spellKey` spells it, as it stands at the end of the store's key. */
  readonly entry: string
  readonly put: Fields | null | undefined
  readonly add: Readonly<Record<string, bigint>>
}

/** An entry as a reader meets it: exists for readers only while its owning row exists. */
export type Entry = {
  readonly key: string
  readonly fields: Fields
  /** Every counter of the view, 0 where nothing was ever added. May be negative when broken. */
  readonly counts: Readonly<Record<string, bigint>>
}

/**
 * The layout that a store needs of a view, and all that it knows of it.
 * Names are camelCase as in JSON; each store spells them its own way (`tweet-count`).
 */
export type ViewLayout = {
  /** `user-information`. */
  readonly name: string
  /** The parts of the key. */
  readonly key: readonly NamedColumn[]
  /** The owning row's fields, in the order of the declaration, without the key. */
  readonly fields: readonly NamedColumn[]
  readonly counts: readonly string[]
}

/** `userId` of type `bigint`. Values pass as the canonical text of the type. */
export type NamedColumn = { readonly name: string; readonly type: ColumnType }
