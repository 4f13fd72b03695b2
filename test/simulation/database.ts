/**
 * A small database with many versions of the truth: what is written to the log, what of that is on
 * disk, and what of it is visible to whom, are three things.
 */
import type { Row } from '../../src/change.ts'
import type { Snapshot, TransactionId } from '../../src/transaction.ts'
import type { Partition } from './topics.ts'
import { nameOf, primaryKeyOf, tableNames, tables } from './tables.ts'

export type RowChange = {
  readonly table: string
  readonly key: Row
  /** The key as one word. */
  readonly name: string
  readonly before: Row | undefined
  readonly after: Row | undefined
  readonly lsn: number
  readonly xid: number
  /** What the log tells of `before`. */
  readonly identity: 'full' | 'default'
  /** Columns that the table had. */
  readonly columns: readonly string[]
  /** False where the publication left it out. */
  readonly published: boolean
  /** The transaction's entry in the log, once it has committed, until a crash takes it. */
  entry: LogEntry | undefined
  /** Where a connector first wrote it to. */
  emitted:
    { readonly log: Partition; readonly partition: string; readonly offset: number } | undefined
  /** No connector writes it any more: it was never captured, or what was written is gone. */
  lost: boolean
}

export type LogEntry = {
  readonly xid: number
  /** Of the commit record's end. */
  readonly lsn: number
  readonly changes: readonly RowChange[]
  readonly messages: readonly string[]
  visible: boolean
}

export type Transaction = {
  xid: number | undefined
  readonly changes: RowChange[]
  readonly messages: string[]
  /** Idle between its statements, or in one, COMMIT among them. */
  active: boolean
  /** It has written what is not captured, and a view was begun since then. */
  hidden: boolean
  readonly startedMs: number
  /** Ended by a crash, or by itself. */
  over: boolean
}

export type TableState = {
  rows: Map<string, { readonly row: Row; readonly xid: number }>
  oid: number
  file: number
  identity: 'full' | 'default'
  /** Changes with each alteration of the table's row in the catalog. */
  altered: number
  published: boolean
  columns: readonly string[]
}

/** What everything began with: rows that were there before any log. */
const bornXid = 3

export class Database {
  readonly tables = new Map<string, TableState>()
  system = 7_000_001
  timeline = 1
  log: LogEntry[] = []
  flushedLsn: number
  /** Names of changes of the catalog; also gives file nodes. */
  catalog = 20_000
  publication = 1
  /** Another number for each replication slot that the connector was given. */
  slot = 1
  /** Another number for each life of the server. */
  sessions = 0
  readonly #firstXid: number
  #lsn: number
  #nextXid: number
  #latestCompleted: number
  readonly #running = new Map<number, Transaction>()
  readonly #locked = new Map<string, Transaction>()
  readonly #births: readonly RowChange[]
  readonly #nowMs: () => number

  constructor(firstXid: number, rows: readonly (readonly [string, Row])[], nowMs: () => number) {
    this.#nowMs = nowMs
    this.#firstXid = firstXid
    this.#nextXid = firstXid
    this.#latestCompleted = firstXid - 1
    this.#lsn = 1_000
    this.flushedLsn = 1_000
    for (const name of tableNames) {
      const { needs, columns } = tables[name]!
      const oid = (this.catalog += 1)
      this.tables.set(name, {
        rows: new Map(),
        oid,
        file: oid,
        identity: needs,
        altered: oid,
        published: name !== 'audit',
        columns,
      })
    }
    const lsn = 900
    const entry: LogEntry = { xid: bornXid, lsn, changes: [], messages: [], visible: true }
    const birth = { ...this.begin(), xid: bornXid }
    this.#births = rows.map(([table, row]) => ({
      ...this.#change(birth, table, { after: row }),
      entry,
      lost: true,
    }))
    for (const change of this.#births) this.#apply(change)
  }

  get lsn(): number {
    return this.#lsn
  }

  /** As a disk that was copied gives it: the same history, and a life of its own from here on. */
  copy(): Database {
    const copy = new Database(this.#firstXid, [], this.#nowMs)
    copy.#nextXid = this.#nextXid
    copy.#latestCompleted = this.#nextXid - 1
    copy.#lsn = this.#lsn
    const { system, timeline, catalog, publication, slot, flushedLsn } = this
    Object.assign(copy, {
      system,
      timeline,
      catalog,
      publication,
      slot,
      flushedLsn,
      log: [...this.log],
    })
    for (const [name, state] of this.tables) {
      copy.tables.set(name, { ...state, rows: new Map(state.rows) })
    }
    return copy
  }

  get history(): string {
    return `${this.system}/${this.timeline}`
  }

  /** Of rows that were there at the beginning. */
  get births(): readonly RowChange[] {
    return this.#births
  }

  begin(): Transaction {
    const startedMs = this.#nowMs()
    return {
      xid: undefined,
      changes: [],
      messages: [],
      active: false,
      hidden: false,
      startedMs,
      over: false,
    }
  }

  /** The row as this transaction sees it. */
  rowIn(transaction: Transaction, table: string, name: string): Row | undefined {
    const own = transaction.changes.findLast((each) => each.table === table && each.name === name)
    return own ? own.after : this.tables.get(table)!.rows.get(name)?.row
  }

  /** False where another transaction holds the row. */
  canWrite(transaction: Transaction, table: string, name: string): boolean {
    const holder = this.#locked.get(`${table}:${name}`)
    return !transaction.over && (!holder || holder === transaction)
  }

  write(
    transaction: Transaction,
    table: string,
    change: Pick<RowChange, 'before' | 'after'>,
  ): void {
    this.#assign(transaction)
    const made = this.#change(transaction, table, change)
    this.#locked.set(`${table}:${made.name}`, transaction)
    transaction.changes.push(made)
  }

  /** Answers the position of the message. */
  message(transaction: Transaction, text: string): number {
    this.#assign(transaction)
    transaction.messages.push(text)
    return this.#advance()
  }

  rollback(transaction: Transaction): void {
    if (transaction.over) return
    this.#end(transaction)
  }

  /** Writes the commit to the log; nobody sees it before `reveal`. */
  commit(transaction: Transaction): LogEntry | undefined {
    if (transaction.over || transaction.xid === undefined) return undefined
    transaction.active = true
    const { xid, changes, messages } = transaction
    const entry = { xid, lsn: this.#advance(), changes, messages, visible: false }
    for (const change of changes) change.entry = entry
    this.log.push(entry)
    return entry
  }

  flush(lsn = this.#lsn): void {
    this.flushedLsn = Math.max(this.flushedLsn, lsn)
  }

  reveal(transaction: Transaction, entry: LogEntry): void {
    if (transaction.over || entry.visible) return
    entry.visible = true
    for (const change of entry.changes) this.#apply(change)
    this.#end(transaction)
  }

  /** As `pg_current_snapshot()` gives it. */
  snapshot(): Snapshot {
    const xmax = this.#latestCompleted + 1
    const inProgress = [...this.#running.keys()].filter((xid) => xid < xmax)
    const xmin = Math.min(xmax, ...inProgress)
    const id = (xid: number) => BigInt(xid) as TransactionId
    return { xmin: id(xmin), xmax: id(xmax), inProgress: new Set(inProgress.map(id)) }
  }

  running(xid: number): Transaction | undefined {
    return this.#running.get(xid)
  }

  isLocked(table: string): boolean {
    return [...this.#locked.keys()].some((name) => name.startsWith(`${table}:`))
  }

  /** A view is begun: it can't know of what was written before and was not captured. */
  hideUncaptured(): void {
    for (const transaction of this.#running.values()) {
      transaction.hidden ||= transaction.changes.some(({ published }) => !published)
    }
  }

  /** Server and sessions die: what was not on disk is gone, and its ids are given again. */
  crash(): readonly LogEntry[] {
    return this.#goBackTo(this.flushedLsn)
  }

  /** A standby that has the log up to `lsn` goes on in place of the primary. */
  failOver(lsn: number): readonly LogEntry[] {
    const lost = this.#goBackTo(lsn)
    this.timeline += 1
    return lost
  }

  /** Empties the table, or writes its rows anew, without a trace in what a connector reads. */
  rewrite(table: string, rowOf: (row: Row) => Row | undefined): LogEntry {
    const state = this.tables.get(table)!
    const transaction = this.begin()
    this.#assign(transaction)
    for (const { row } of state.rows.values()) {
      const after = rowOf(row)
      if (after === row) continue
      transaction.changes.push(this.#change(transaction, table, { before: row, after }, false))
    }
    state.file = this.catalog += 1
    const entry = this.commit(transaction)!
    this.reveal(transaction, entry)
    this.flush()
    return entry
  }

  /** Alters what the catalog says of the table. */
  alter(table: string, change: Partial<Pick<TableState, 'identity' | 'columns'>>): void {
    Object.assign(this.tables.get(table)!, change, { altered: (this.catalog += 1) })
  }

  publish(table: string, published: boolean): void {
    this.tables.get(table)!.published = published
    this.publication = this.catalog += 1
  }

  #assign(transaction: Transaction): number {
    if (transaction.xid !== undefined) return transaction.xid
    // The lowest ids of each round are not given to transactions.
    while (this.#nextXid % 2 ** 32 < 3) this.#nextXid += 1
    transaction.xid = this.#nextXid
    this.#nextXid += 1
    this.#running.set(transaction.xid, transaction)
    return transaction.xid
  }

  #advance(): number {
    return (this.#lsn += 8)
  }

  #change(
    { changes, xid }: Transaction,
    table: string,
    { before, after }: { readonly before?: Row | undefined; readonly after?: Row | undefined },
    captured = true,
  ): RowChange {
    const key = primaryKeyOf(table, (after ?? before)!)
    const { identity, published, columns } = this.tables.get(table)!
    // Rows of one statement may share a position, the same row's never do.
    const name = nameOf(key)
    const last = changes.at(-1)
    const shares = last !== undefined && last.table === table && this.#lsn === last.lsn
    const again = changes.some((each) => each.table === table && each.name === name)
    const lsn = shares && !again && this.#lsn % 3 === 0 ? last.lsn : this.#advance()
    return {
      table,
      key,
      name,
      before,
      after,
      lsn,
      xid: xid!,
      identity,
      columns,
      published: published && captured,
      entry: undefined,
      emitted: undefined,
      lost: !(published && captured),
    }
  }

  #apply({ table, name, after, xid }: RowChange): void {
    const { rows } = this.tables.get(table)!
    if (after) rows.set(name, { row: after, xid })
    else rows.delete(name)
  }

  #end(transaction: Transaction): void {
    transaction.over = true
    transaction.active = false
    for (const [name, holder] of this.#locked) {
      if (holder === transaction) this.#locked.delete(name)
    }
    const { xid } = transaction
    if (xid === undefined) return
    this.#running.delete(xid)
    this.#latestCompleted = Math.max(this.#latestCompleted, xid)
  }

  #goBackTo(lsn: number): readonly LogEntry[] {
    const lost = this.log.filter((entry) => entry.lsn > lsn)
    this.log = this.log.filter((entry) => entry.lsn <= lsn)
    for (const transaction of this.#running.values()) transaction.over = true
    this.#running.clear()
    this.#locked.clear()
    for (const entry of lost) {
      entry.visible = false
      for (const change of entry.changes) change.entry = undefined
    }
    for (const state of this.tables.values()) state.rows = new Map()
    for (const change of this.#births) this.#apply(change)
    for (const entry of this.log) {
      entry.visible = true
      for (const change of entry.changes) this.#apply(change)
    }
    this.#lsn = lsn
    this.flushedLsn = Math.min(this.flushedLsn, lsn)
    this.#nextXid = Math.max(this.#firstXid, ...this.log.map(({ xid }) => xid + 1))
    this.#latestCompleted = this.#nextXid - 1
    this.sessions += 1
    return lost
  }
}
