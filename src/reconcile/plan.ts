import type { ViewLayout } from '../mutation.ts'
import type { Source } from '../source/source.ts'
import type { ViewAudit } from '../store/audit.ts'
import type { ViewKeeping } from '../store/keeping.ts'
import type { ViewTallies } from '../store/tallies.ts'
import type { ViewWriter } from '../store/writer.ts'
import type { LookParts } from './look.ts'

/** All that looks, corrections and passes of one epoch of one view work with. */
export type Plan = Omit<LookParts, 'source' | 'audit' | 'writer'> & {
  readonly layout: ViewLayout
  /** Stored names that are served; `*`, the row as a whole, once any declaration is. */
  readonly complete: ReadonlySet<string>
  readonly source: Pick<Source, 'truth' | 'itemTruth' | 'unsettled' | 'fullPace'>
  readonly audit: ViewAudit
  readonly keeping: Pick<ViewKeeping, 'remove'>
  readonly tallies: ViewTallies
  readonly writer: Pick<ViewWriter, 'checkpoints' | 'displace' | 'raise'>
}
