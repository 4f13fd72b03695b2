import type { Entry } from '../mutation.ts'
import type { Lsn } from '../position.ts'
import type { ParkedRecord, Problem, ViewState } from './state.ts'

/** Used by whoever shows a view. Rejects with a retriable MillraceError while the store is away. */
export type ViewReader = {
  /** One atomic step, whatever the number of keys (at most `limits.readKeysMax`). */
  read(keys: readonly string[]): Promise<ReadResult>
  /**
   * The same of several views of one store, all of it in one atomic step; answers a result for each
   * part. The readers are of one kind and one address, whatever client each of them has.
   */
  readTogether(parts: readonly ReadPart[]): Promise<readonly ReadResult[]>
  status(): Promise<StoreStatus>
  /** Parked records, by topic, partition and offset. */
  parked(): AsyncIterable<ParkedRecord>
  /** Forgets all parked records; answers how many there were. */
  clearParked(): Promise<number>
  /** What `displace` has moved aside and nobody has deleted since, the oldest first. */
  displaced(): Promise<readonly Displaced[]>
}

/** Something that stood where an entry should, and was none. */
export type Displaced = {
  /** Its name in the store now. */
  readonly place: string
  readonly entry: string
  /** When it was moved aside, by the store's clock, milliseconds since 1970. */
  readonly atMs: number
}

/** What of one view is read in a step. All parts together ask for `limits.readKeysMax` keys at most. */
export type ReadPart = AskedPart | NamedPart

export type AskedPart = { readonly reader: ViewReader; readonly keys: readonly string[] }

/**
 * Entries whose keys stand in entries that an earlier part answers. The result has those of them
 * that are there, each once and in any order.
 */
export type NamedPart = { readonly reader: ViewReader; readonly by: KeyPlace }

/** Where entries of the part with this index hold keys: a field, or the items of a slice. */
export type KeyPlace = { readonly part: number } & (
  { readonly field: string } | { readonly slice: string }
)

/** One answer of a read: state, watermark and entries as they stood in one moment. */
export type ReadResult =
  /** Nobody has begun this view here, or not every entry holds yet what the declaration says. */
  | { readonly kind: 'unavailable'; readonly phase: 'absent' | 'building' }
  | {
      readonly kind: 'serving'
      readonly watermark: Lsn
      /** How long ago everything committed then was known to be in the view; by the store's clock. */
      readonly ageMs: number
      /** Codes of the doubts that stand, each once. */
      readonly doubts: readonly string[]
      /**
       * In the order asked; null where there is nothing, where the owning row is absent, and below the
       * bound of what is kept.
       */
      readonly entries: readonly (Entry | null)[]
    }

export type StoreStatus = {
  readonly state: ViewState | undefined
  /** Age of the watermark by the store's clock; undefined without a watermark. */
  readonly ageMs: number | undefined
  /** Records that could not be decoded, those among them that are not kept. */
  readonly parked: number
  /** By the place that `report` was given. */
  readonly problems: ReadonlyMap<string, Problem>
  /** Keys that the store has dropped by itself to make room, since it started; undefined if unknown. */
  readonly evicted: number | undefined
}
