/**
 * Transactions of the source database, and which of them a snapshot sees. Visibility is not the
 * order of the log: a commit that waits for a synchronous standby is streamed before it is visible.
 */

declare const brand: unique symbol

/** A transaction's id in 64 bits, as `pg_current_xact_id()` gives it: never used again. */
export type TransactionId = bigint & { readonly [brand]: 'TransactionId' }

/** What `pg_current_snapshot()` answers: ids below `xmin` have ended, from `xmax` on none has. */
export type Snapshot = {
  readonly xmin: TransactionId
  readonly xmax: TransactionId
  /** Ids between the two that had not ended. */
  readonly inProgress: ReadonlySet<TransactionId>
}

export function parseTransactionId(text: string): TransactionId {
  if (!/^\d{1,20}$/.test(text)) throw new TypeError(`not a transaction id: '${text}'`)
  return BigInt(text) as TransactionId
}

/** From Postgres' text form, `xmin:xmax:xip,xip`. */
export function parseSnapshot(text: string): Snapshot {
  const match = /^(\d{1,20}):(\d{1,20}):([\d,]*)$/.exec(text)
  if (!match) throw new TypeError(`not a snapshot: '${text}'`)
  const ids = match[3] === '' ? [] : match[3]!.split(',')
  return {
    xmin: parseTransactionId(match[1]!),
    xmax: parseTransactionId(match[2]!),
    inProgress: new Set(ids.map(parseTransactionId)),
  }
}

export function formatSnapshot({ xmin, xmax, inProgress }: Snapshot): string {
  return `${xmin}:${xmax}:${[...inProgress].join(',')}`
}

/**
 * Whether the snapshot sees what this transaction committed. The log gives the lower 32 bits of an
 * id alone; the upper ones are those that bring it nearest to the snapshot, for no transaction that
 * matters is two thousand million transactions away. Ids are far below 2^53, so that a number
 * holds them.
 */
export function sees({ xmin, xmax, inProgress }: Snapshot, transaction: number): boolean {
  const near = Number(xmax)
  const distance = (transaction - (near % epoch)) | 0
  const id = near + distance < 0 ? near + distance + epoch : near + distance
  if (id < Number(xmin)) return true
  return id < near && !inProgress.has(BigInt(id) as TransactionId)
}

/** Whether `later` sees everything that `earlier` does. */
export function isAtLeast(later: Snapshot, earlier: Snapshot): boolean {
  if (later.xmax < earlier.xmax) return false
  return [...later.inProgress].every((id) => id >= earlier.xmax || earlier.inProgress.has(id))
}

const epoch = 2 ** 32
