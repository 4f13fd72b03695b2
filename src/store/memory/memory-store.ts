import { systemClock, type Clock } from '../../clock.ts'
import { limits } from '../limits.ts'
import type { ViewStore } from '../store.ts'
import { MemoryAudit } from './audit.ts'
import { MemoryCoordination, MemoryWatchable } from './coordination.ts'
import { emptyData } from './data.ts'
import { MemoryKeeping } from './keeping.ts'
import { MemoryReader } from './reader.ts'
import { MemoryTallies } from './tallies.ts'
import { MemoryWriter } from './writer.ts'

export type MemoryOptions = {
  /** Items of a tally up to which a look tells all of them. */
  readonly cellsMax?: number
}

/** The model of a store: what the others must do, in the fewest words. Forgets with the process. */
export function memoryStore(
  clock: Clock = systemClock,
  data = emptyData(),
  { cellsMax = limits.cellsMax }: MemoryOptions = {},
): ViewStore {
  return {
    name: 'memory',
    watchable: new MemoryWatchable(data),
    coordination: new MemoryCoordination(data, clock),
    reader: (layout, served) => new MemoryReader({ data, clock, layout, served }),
    writer: (layout) => new MemoryWriter(data, clock, layout),
    audit: (layout) => new MemoryAudit(data, layout, cellsMax),
    tallies: () => new MemoryTallies(data),
    keeping: () => new MemoryKeeping(data),
    faults: () => Promise.resolve([]),
    close: () => Promise.resolve(),
  }
}
