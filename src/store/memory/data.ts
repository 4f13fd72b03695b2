import type { Cells, Fields, ViewLayout } from '../../mutation.ts'
import type { Wanted } from '../coordination.ts'
import type { Barrier, Checkpoint, ParkedRecord, Problem, ViewState } from '../state.ts'

/** All that one view has. Every client that is given it sees the same. */
export type MemoryData = {
  state: ViewState | undefined
  /** Of the watermark: which history it speaks of, and when its barrier was begun. */
  watermark: { readonly history: string; readonly atMs: number } | undefined
  lease: { holder: string; declaration: string; untilMs: number } | undefined
  wanted: Wanted | undefined
  barriers: Barrier[]
  entries: Map<string, Held>
  checkpoints: Map<string, Checkpoint>
  parked: Map<string, ParkedRecord>
  parkedBeyond: number
  problems: Map<string, Problem>
  /** By entry: tickets of amounts, and of owning rows. */
  tickets: Map<string, string>
  rowTickets: Map<string, string>
}

export type Held = {
  readonly fields: Fields | null
  readonly counts: Readonly<Record<string, bigint>>
  /** Amounts by tally and item, none of them zero; left out where there are none. */
  readonly tallies?: Cells | undefined
}

export function emptyData(): MemoryData {
  return {
    state: undefined,
    watermark: undefined,
    lease: undefined,
    wanted: undefined,
    barriers: [],
    entries: new Map(),
    checkpoints: new Map(),
    parked: new Map(),
    parkedBeyond: 0,
    problems: new Map(),
    tickets: new Map(),
    rowTickets: new Map(),
  }
}

/** Whether the counters of the layout are all 0. */
export function isZero(counts: Held['counts'], layout: ViewLayout): boolean {
  return layout.counts.every((count) => (counts[count] ?? 0n) === 0n)
}
