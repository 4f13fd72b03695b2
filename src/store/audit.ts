import type { KeepBound } from '../keep.ts'
import type { Cells, Fields } from '../mutation.ts'
import type { Checkpoint, Epoch } from './state.ts'

/**
 * Used by whoever compares entries with the source and corrects them. Entries pass as one text
 * each, in the form of `entry-text.ts`, for millions of them are compared.
 *
 * A *ticket* is random text that a look leaves with an entry, and with its owning row. A correction
 * needs the tickets of what it corrects and consumes them, so it can't be applied twice, nor to a
 * store that went back to an older state. A commit that puts or removes a row takes the row's
 * ticket away, so a correction never overwrites what is newer.
 */
export type ViewAudit = {
  /** Entries and checkpoints of one moment, at most `limits.lookKeysMax` keys. */
  look(question: LookQuestion): Promise<LookAnswer>
  /** In one step, at most `limits.correctionsMax`. */
  correct(correction: CorrectionStep): Promise<CorrectionResult>
  /**
   * Keys of entries that the store has, in pages; a key may come more than once. Begins without a
   * cursor, and has ended when the answer has none. Rejects with `scan-lost` when the store that
   * gave the cursor is not the one that is asked.
   */
  scan(cursor: string | undefined): Promise<ScanPage>
  /** Removes fields that no declaration has any more from these entries. False as in `progress`. */
  sweep(epoch: Epoch, keys: readonly string[], fields: readonly string[]): Promise<boolean>
  /**
   * Sets the view's `pass`, ends doubts and completes declarations, in one step; compares first.
   * False when the epoch or `pass` is another one by now.
   */
  progress(step: ProgressStep): Promise<boolean>
}

export type LookQuestion = {
  readonly epoch: Epoch
  readonly keys: readonly string[]
  /** Left with every entry and row, in place of an older one; undefined leaves none. */
  readonly ticket: string | undefined
}

export type LookAnswer =
  | {
      readonly kind: 'entries'
      /** In the order asked. */
      readonly texts: readonly string[]
      readonly checkpoints: ReadonlyMap<string, Checkpoint>
      /** The bound of what is kept, of the same moment. */
      readonly keepFrom: KeepBound | undefined
    }
  /** The epoch is another one. */
  | { readonly kind: 'conflict' }

export type Correction = {
  readonly entry: string
  /** As in a mutation: fields to set, null to remove the owning row, undefined to leave it. */
  readonly put: Fields | null | undefined
  /** Amounts to add by counter name, never zero. */
  readonly add: Readonly<Record<string, bigint>>
  /** Needs the ticket that amounts need. */
  readonly cells?: Cells | undefined
}

export type CorrectionStep = {
  readonly epoch: Epoch
  readonly ticket: string
  readonly corrections: readonly Correction[]
}

export type CorrectionResult =
  /** Indexes of corrections of which something was left undone, for a ticket was gone. */
  { readonly kind: 'applied'; readonly lost: readonly number[] } | { readonly kind: 'conflict' }

export type ScanPage = { readonly keys: readonly string[]; readonly cursor: string | undefined }

export type ProgressStep = {
  readonly epoch: Epoch
  /** What `pass` must be; undefined when there must be none. */
  readonly before: string | undefined
  readonly after: string
  /** Ids of doubts to end; one that was raised anew meanwhile has another id and stays. */
  readonly ended: readonly string[]
  /** Ids of declarations that are complete now. */
  readonly completed: readonly string[]
}
