/** Bounds of one call to a store, so that none holds up others for long. */
export const limits = {
  /** Keys of one read. */
  readKeysMax: 1_000,
  /** Mutations of one commit or pour. */
  mutationsMax: 1_000,
  /** Entries of one page of a scan. */
  scanPageEntries: 500,
  /** Parked records of one page: each may be a megabyte. */
  parkedPageRecords: 20,
  /** Keys that one call of a drop removes. */
  dropKeysPerCallMax: 500,
} as const
