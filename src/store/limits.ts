import { cellsMax } from '../tally-text.ts'

/** Bounds of one call to a store, so that none holds up others for long. */
export const limits = {
  /** Keys of one read. */
  readKeysMax: 1_000,
  /** Mutations of one commit, and the cells that they add to, together. */
  mutationsMax: 1_000,
  /** Keys of one look: about a millisecond of Redis. */
  lookKeysMax: 100,
  /** Characters that the source has of the entries of one look, about: as long, where they have tallies. */
  lookCharsMax: 16_000,
  /** Items of a tally up to which a look tells all of them; a larger one is looked at by itself. */
  cellsMax,
  /** Looks or corrections of one lap under way at once: readers wait behind all of them. */
  stepsAtOnce: 2,
  /** Corrections of one step: about a millisecond of Redis where whole rows are put. */
  correctionsMax: 50,
  /** Keys of one page of a scan, about. */
  scanPageKeys: 1_000,
  /** Parked records of one page: each may be a megabyte. */
  parkedPageRecords: 20,
  /** Parked records of a view that are kept. */
  parkedMax: 100,
  /** Tickets of a view that lie about: beyond it all go, and what they were for is looked at again. */
  ticketsMax: 100_000,
  /** Keys that are judged together: with their tickets, and those of others, far fewer. */
  judgedKeysMax: 20_000,
  /** Milliseconds after which a ticket is of no use any more. */
  ticketTtlMs: 600_000,
} as const
