/**
 * What Millrace asks of the source database. Every method rejects with `source-unavailable` while
 * the database is away, `source-busy` when a lock or the time for a statement was not to be had,
 * `source-unfit` when a table, a column or a right is missing, and `source-refused` when it will not
 * do what it is asked.
 */
import type { KeepBound } from '../keep.ts'
import type { Lsn } from '../position.ts'
import type { Snapshot, TransactionId } from '../transaction.ts'
import type { View } from '../view/view.ts'

export type Source = {
  /**
   * Commits a transaction that writes nothing but `text` to the log, and makes it durable; then
   * another one with `next`, by which a connector shows that it has passed the first.
   */
  mark(text: string, next: string): Promise<Marked>
  /** The database as it is now, with the set-up of the view's tables, without a marker. */
  moment(view: View): Promise<Moment>
  /** The connector's replication slot, and the log that is kept for it; undefined without a slot. */
  slot(): Promise<SlotState | undefined>
  /** What of the set-up would make these views wrong, in words. Empty when all fits. */
  faults(views: readonly View[]): Promise<readonly SetupFault[]>
  /** The truth of a page at one snapshot, and a marker that the same session commits after it. */
  truth(view: View, page: Page, marker: string): Promise<Truth>
  /** The same for items of a tally of one entry. */
  itemTruth(view: View, page: ItemPage, marker: string): Promise<ItemTruth>
  /**
   * Of these keys, those that `truth` has to be asked about: all but the keys whose owning row has
   * stood as it is since before the transaction `since` began.
   */
  unsettled(view: View, keys: readonly string[], since: TransactionId): Promise<readonly string[]>
  /**
   * The right to compare at full pace, which one process has at a time for a database, and two of its
   * views; undefined while others have it. It ends with `release`, and with the session: then `lost`
   * aborts.
   */
  fullPace(): Promise<FullPace | undefined>
  close(): Promise<void>
}

/** A marker, and what its transaction saw. */
export type Marked = Omit<Moment, 'setup'> & {
  /** Where the marker stands: everything committed before `mark` was called lies below. */
  readonly lsn: Lsn
  readonly transaction: TransactionId
}

/** The database as one transaction saw it. */
export type Moment = {
  /** Where the log ends. */
  readonly lsn: Lsn
  readonly snapshot: Snapshot
  /** System identifier and timeline: which history of which database this is. */
  readonly history: string
  /**
   * Set-up of the tables of a view, of the publication and of the slot, as JSON: equal texts are
   * equal set-ups.
   */
  readonly setup: string
  /** The source's clock, milliseconds since 1970. */
  readonly nowMs: number
}

/**
 * Either the keys that follow `after` in SQL's order, at most about `keysMax`, without those below
 * `keepFrom`, or these keys.
 */
export type Page =
  | {
      readonly kind: 'range'
      readonly after: string | undefined
      readonly keysMax: number
      readonly keepFrom?: KeepBound | undefined
    }
  | { readonly kind: 'keys'; readonly keys: readonly string[] }

/**
 * Items of one tally, which goes by its stored name, of one entry: those that follow `after` in SQL's
 * order, at most `itemsMax`, or these.
 */
export type ItemPage = { readonly entry: string; readonly tally: string } & (
  | { readonly kind: 'range'; readonly after: string | undefined; readonly itemsMax: number }
  | { readonly kind: 'items'; readonly items: readonly string[] }
)

/** `last` is the item at which the next range begins. */
export type ItemTruth = Omit<Truth, 'entries'> & {
  /** How many rows each item has, of those that have any. */
  readonly amounts: ReadonlyMap<string, bigint>
}

export type Truth = Moment & {
  /** Text of `entry-text.ts` by key, also of keys that have aggregates and no owning row. */
  readonly entries: ReadonlyMap<string, string>
  /** Where the marker stands that was committed after it. */
  readonly markerLsn: Lsn
  /** Source rows that were read for it. */
  readonly rows: number
  /** Of a range: the key at which the next one begins; undefined when there is no more. */
  readonly last: string | undefined
  /**
   * What the snapshot does not see and could still change the view's tables has no id below this,
   * or had not begun to commit when it was asked, after the snapshot.
   */
  readonly horizon: TransactionId
  /** Sessions that hold the horizon back, in words, the oldest first. */
  readonly heldBackBy: readonly string[]
}

export type SlotState = {
  readonly active: boolean
  /** `reserved`, `extended`, `unreserved` or `lost`, as Postgres says it. */
  readonly walStatus: string
  /** Bytes of write-ahead log that are kept because the slot has not passed them. */
  readonly walBytes: number
}

export type SetupFault = {
  readonly table: string | undefined
  /** The column of it that this is about, where it is about one. */
  readonly column?: string
  /** `replica identity of tweets gives too little of a changed row`. */
  readonly what: string
  /** SQL that mends it; undefined where none does. */
  readonly mend: string | undefined
  /**
   * What that SQL does, where it can be run without asking anybody: it takes next to no time, and
   * nothing that anybody has. `let role millrace read tweets`.
   */
  readonly does?: string
}

export type FullPace = { readonly lost: AbortSignal; release(): Promise<void> }
