import type { ScanPage } from './audit.ts'
import type { Checkpoint, Epoch } from './state.ts'

/**
 * Used by whoever compares a tally that has more cells than one look tells. Corrections of what was
 * found go through `ViewAudit.correct`.
 */
export type ViewTallies = {
  /**
   * Amounts of items and checkpoints of one moment, at most `limits.cellsMax` items. The ticket is
   * left with the entry's amounts, in place of an older one.
   */
  look(question: ItemsQuestion): Promise<ItemsAnswer>
  /** Items that the store has, in pages, as `ViewAudit.scan` has keys; an item may come more than once. */
  scan(entry: string, tally: string, cursor: string | undefined): Promise<ScanPage>
}

export type ItemsQuestion = {
  readonly epoch: Epoch
  readonly entry: string
  /** Stored name of the tally. */
  readonly tally: string
  readonly items: readonly string[]
  /** Undefined leaves none. */
  readonly ticket: string | undefined
}

export type ItemsAnswer =
  | {
      readonly kind: 'items'
      /** Of those that are there. */
      readonly amounts: ReadonlyMap<string, bigint>
      readonly checkpoints: ReadonlyMap<string, Checkpoint>
    }
  /** What lies there is no tally. */
  | { readonly kind: 'unreadable' }
  /** The epoch is another one. */
  | { readonly kind: 'conflict' }
