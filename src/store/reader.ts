import type { Entry } from '../mutation.ts'
import type { Lsn } from '../position.ts'
import type { ParkedRecord, Problem, ViewState } from './state.ts'

/** Used by whoever shows a view. Rejects with a retriable MillraceError while the store is away. */
export type ViewReader = {
  /** One atomic step, whatever the number of keys (at most `limits.readKeysMax`). */
  read(keys: readonly string[]): Promise<ReadResult>
  status(): Promise<StoreStatus>
  /** Parked records, by topic, partition and offset. */
  parked(): AsyncIterable<ParkedRecord>
  /** Forgets all parked records; answers how many there were. */
  clearParked(): Promise<number>
}

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
