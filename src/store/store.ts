import type { ViewLayout } from '../mutation.ts'
import type { ViewAudit } from './audit.ts'
import type { ViewCoordination, ViewWatchable } from './coordination.ts'
import type { ViewKeeping } from './keeping.ts'
import type { ViewReader } from './reader.ts'
import type { ViewTallies } from './tallies.ts'
import type { ViewWriter } from './writer.ts'

/**
 * One store of one view: small contracts, for who watches, coordinates, writes, reads and compares.
 * A store knows a view by its name, its key and its layout alone.
 */
export type ViewStore = {
  /** `redis`, `postgres`, `memory`. */
  readonly name: string
  readonly watchable: ViewWatchable
  readonly coordination: ViewCoordination
  /** `served` is the id of the declaration whose readers these are. */
  reader(layout: ViewLayout, served: string): ViewReader
  writer(layout: ViewLayout): ViewWriter
  audit(layout: ViewLayout): ViewAudit
  tallies(layout: ViewLayout): ViewTallies
  keeping(layout: ViewLayout): ViewKeeping
  /**
   * What keeps this user from writing to the store, or would lose what is written, as far as it can
   * be asked without changing anything.
   */
  faults(): Promise<readonly StoreFault[]>
  /** Ends the connections. */
  close(): Promise<void>
}

export type StoreFault = { readonly what: string; readonly cure: string | undefined }
