import type { KeepBound } from '../keep.ts'
import type {
  Barrier,
  Checkpoint,
  Doubt,
  Epoch,
  KeptDeclaration,
  Offsets,
  Restart,
  StandingDoubt,
  ViewState,
} from './state.ts'

/**
 * Used by the holder of the lease; right even when two believe that they hold it, for each method
 * compares what it relies on in the step that changes it.
 */
export type ViewCoordination = {
  /**
   * Takes or renews the lease for `ttlMs`. False while another holds it, unless `over` is true: then
   * it is taken from a holder with another `declaration`.
   */
  lease(claim: LeaseClaim): Promise<boolean>
  /** Begins the view where there is no state at all; undefined when there is one. */
  open(beginning: Beginning): Promise<Epoch | undefined>
  /** Gives the view an instance, unless it has one or the epoch is another one by now. */
  giveInstance(epoch: Epoch): Promise<void>
  /** Turns the epoch. Undefined when it is another one than `turn.epoch` by now. */
  turn(turn: Turn): Promise<Epoch | undefined>
  /** Makes a barrier the newest, unless one of its number or above is; forgets others in any case. */
  publish(barrier: Barrier, forget: readonly number[]): Promise<void>
  /**
   * Moves the watermark to the barrier's LSN if every checkpoint has passed its end, compared in
   * the same step. `takenAgoMs` is how long ago the barrier was begun. True if so. The watermark
   * never falls, unless the barrier speaks of another history than the last one did, or the turn
   * said that it may.
   */
  advance(epoch: Epoch, barrier: Barrier, takenAgoMs: number): Promise<boolean>
  /**
   * Writes down what the set-up looks like now and raises what follows from it, in one step. False
   * when the epoch or the fingerprint is another one by now.
   */
  observe(observation: Observation): Promise<boolean>
}

/** What everybody may ask of a view. */
export type ViewWatchable = {
  /** Undefined when there is no state: never a reason to begin at offset 0. */
  state(): Promise<ViewState | undefined>
  /** Those that are kept, oldest first. */
  barriers(): Promise<readonly Barrier[]>
  /** What somebody has asked for, if anybody has. */
  wanted(): Promise<Wanted | undefined>
  /**
   * Changes that in one step. `change` is told what stands, and is asked again where somebody else
   * was quicker; undefined leaves it as it is. Resolves to what stands then.
   */
  want(change: WantedChange): Promise<Wanted | undefined>
  /** One key named like an entry of the view, if there is any. */
  occupant(): Promise<string | undefined>
}

export type LeaseClaim = {
  readonly holder: string
  readonly declaration: string
  readonly ttlMs: number
  readonly over: boolean
}

export type Beginning = {
  readonly declaration: KeptDeclaration
  readonly topics: Readonly<Record<string, number>>
  readonly checkpoints: ReadonlyMap<string, Checkpoint>
  readonly fingerprint: string
  readonly barrier: Barrier
  /** The first bound of what is kept; left out where all is. */
  readonly keepFrom?: KeepBound | undefined
}

export type Turn = {
  readonly epoch: Epoch
  /** Complete are those that the store has as complete by then, whatever is said here. */
  readonly declarations: readonly KeptDeclaration[]
  readonly topics: Readonly<Record<string, number>>
  /** Checkpoints to move, and where to. A partition of `topics` without a checkpoint gets one. */
  readonly restarts: readonly Restart[]
  readonly offsets: Offsets
  /** Standing doubts as they are to stand afterwards, each under the id that it has. */
  readonly doubts: readonly StandingDoubt[]
  /** True lets the watermark fall, once: the source was put back to before it. */
  readonly watermarkMayFall?: boolean
}

export type Observation = {
  readonly epoch: Epoch
  readonly before: string | undefined
  readonly after: string
  readonly doubts: readonly Doubt[]
}

export type WantedChange = (before: Wanted | undefined) => Wanted | undefined

/** Written by `apply`, read by workers. */
export type Wanted = {
  /** Id of the declaration that is to be served. */
  readonly declaration: string
  /** Entries that are there before the view begins are the user's, and become the view's. */
  readonly adopt: boolean
  /** Declarations other than the wanted one are to go. */
  readonly prune: boolean
  /** Stored names that no declaration has any more, to be removed from every entry. */
  readonly sweep: readonly string[]
  /** Up to here the bound of what is kept may leap: a person's word, given by `apply --let-go`. */
  readonly letGo?: KeepBound | undefined
}
