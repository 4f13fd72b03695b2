import type { KeepBound } from '../keep.ts'
import type { Epoch } from './state.ts'

/**
 * Used by whoever lets old entries go: `raise` by the coordinator, `remove` by those who go through the
 * store's keys. Readers and looks leave out what is below the bound whether it was removed or not.
 */
export type ViewKeeping = {
  /**
   * Raises the bound, in one step that compares. False when the epoch or the bound is another one by
   * now, or when `after` is not above it.
   */
  raise(step: KeepStep): Promise<boolean>
  /**
   * Removes these entries, at most `limits.lookKeysMax`, with tallies and tickets: whatever lies under
   * their names. Answers of how many anything lay there, or undefined, when nothing was removed, for
   * the epoch is another one or the state's bound is below `bound`. The caller says which are below it.
   */
  remove(removal: Removal): Promise<number | undefined>
}

export type KeepStep = {
  readonly epoch: Epoch
  readonly before: KeepBound | undefined
  readonly after: KeepBound
}

export type Removal = {
  readonly epoch: Epoch
  readonly bound: KeepBound
  /** Each once. */
  readonly keys: readonly string[]
}
