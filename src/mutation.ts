/**
 * The words of the view side.
 *
 *   view          a keyed set of entries that a declaration derives from rows
 *   entry         one key's value in a view
 *   contribution  what one row gives to entries: `put` these fields, `add` this much to that counter
 *   tally         an integer by item, as `likes by song`; what is not there is 0
 *   cell          one item of a tally
 *   mutation      the merged contributions of a batch to one entry
 */
import type { KeyPart } from './types/windows.ts'
import type { ColumnType } from './types/types.ts'

/** The fields that one row owns in an entry, or `null` when that row is gone. */
export type Fields = Readonly<Record<string, string | null>>

/** Amounts to add, by tally and item; none is zero, and no tally is empty. */
export type Cells = ReadonlyMap<string, ReadonlyMap<string, bigint>>

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
  /** Left out where there are none. */
  readonly cells?: Cells | undefined
}

/**
 * An entry as a reader meets it: it exists for readers only while its owning row does, and in a view
 * without owning rows while any row is counted in it.
 */
export type Entry = {
  readonly key: string
  readonly fields: Fields
  /** Every counter of the view, 0 where nothing was ever added. May be negative when broken. */
  readonly counts: Readonly<Record<string, bigint>>
  /** Every slice of the layout, by its name; left out where there is none. */
  readonly slices?: Readonly<Record<string, readonly TallyItem[]>> | undefined
}

export type TallyItem = { readonly item: string; readonly amount: bigint }

/**
 * The layout that a store needs of a view, and all that it knows of it.
 * Names are camelCase as in JSON; each store spells them its own way (`tweet-count`).
 */
export type ViewLayout = {
  /** `user-information`. */
  readonly name: string
  /** The parts of the key. */
  readonly key: readonly NamedPart[]
  /** The owning row's fields, in the order of the declaration, without the key. */
  readonly fields: readonly NamedColumn[]
  readonly counts: readonly string[]
  /**
   * Those of the counts of which one above zero says that the entry exists for readers; empty where the
   * owning row says so.
   */
  readonly presence: readonly string[]
  readonly tallies: readonly TallyLayout[]
  /** What readers get of the tallies, under names that are the reader's own. */
  readonly slices: readonly NamedSlice[]
}

export type TallyLayout = { readonly name: string }

export type NamedSlice = Slice & { readonly name: string; readonly tally: string }

/** Which items of a tally readers get, and in which order. */
export type Slice = {
  /**
   * `largest`: items above zero, the greatest amount first, ties in byte order of the items.
   * `first` and `last`: items whose amount is 1, in byte order, from the one end or the other.
   */
  readonly order: 'largest' | 'first' | 'last'
  /** At most so many; undefined for all. */
  readonly most: number | undefined
}

/** `userId` of type `bigint`. Values pass as the canonical text of the type. */
export type NamedColumn = { readonly name: string; readonly type: ColumnType }

/** A part of a key, of a column's values or of the windows into which they fall. */
export type NamedPart = NamedColumn & KeyPart
