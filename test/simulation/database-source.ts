/** What Millrace asks of a source database, answered by the simulated one. */
import type { Row } from '../../src/change.ts'
import { lsnFromInteger } from '../../src/position.ts'
import type {
  FullPace,
  ItemPage,
  ItemTruth,
  Marked,
  Moment,
  Page,
  SetupFault,
  SlotState,
  Source,
  Truth,
} from '../../src/source/source.ts'
import { encodeEntry } from '../../src/store/entry-text.ts'
import type { Snapshot, TransactionId } from '../../src/transaction.ts'
import { columnsOf, tablesOf, type View } from '../../src/view/view.ts'
import type { Database, RowChange, Transaction } from './database.ts'
import type { Process } from './process.ts'
import { inOrder, isBelow, keyOf } from './keys.ts'
import { cellOf, cellsMax, nameOf, tables, weightOf } from './tables.ts'
import type { Random } from './random.ts'
import type { World } from './world.ts'

export class DatabaseSource implements Source {
  readonly #world: World
  readonly #process: Process

  constructor(world: World, process: Process) {
    this.#world = world
    this.#process = process
  }

  mark(text: string, next: string): Promise<Marked> {
    return this.#call('mark', async (session) => {
      const { database } = session
      const transaction = session.begin()
      const { setup: _, ...moment } = this.#moment([])
      const lsn = lsnFromInteger(database.message(transaction, text))
      const { xid } = transaction
      await session.step()
      await session.commit(transaction)
      // Left out where the connector writes without transactions: its offset moves by itself here.
      if (this.#world.connector.transactional) {
        const behind = session.begin()
        database.message(behind, next)
        await session.commit(behind)
      }
      return { ...moment, lsn, transaction: BigInt(xid!) as TransactionId }
    })
  }

  moment(view: View): Promise<Moment> {
    return this.#call('moment', () => this.#moment(tablesOf(view)))
  }

  slot(): Promise<SlotState | undefined> {
    return this.#call('slot', () => ({ active: true, walStatus: 'reserved', walBytes: 0 }))
  }

  faults(views: readonly View[]): Promise<readonly SetupFault[]> {
    return this.#call('faults', () => views.flatMap((view) => this.#faultsOf(view)))
  }

  truth(view: View, page: Page, marker: string): Promise<Truth> {
    return this.#told(view, marker, (rows, random) => {
      const rangeKeysMax = 2 + random.below(5)
      return truthPage(rows, view, page, { rangeKeysMax, cellsMax })
    })
  }

  itemTruth(view: View, page: ItemPage, marker: string): Promise<ItemTruth> {
    return this.#told(view, marker, (rows, random) => {
      this.#world.count('items of a large tally were asked for')
      return itemPage(rows, view, page, 1 + random.below(4))
    })
  }

  /** What `tell` says of one snapshot, and a marker that the same session commits after it. */
  #told<T>(view: View, marker: string, tell: (rows: Rows, random: Random) => T) {
    return this.#call('truth', async (session) => {
      const { random, connector, count } = this.#world
      const { database } = session
      const moment = this.#moment(tablesOf(view))
      const found = tell(this.#rows(), random.source)
      if (database.log.some(({ visible, lsn }) => visible && lsn > connector.writtenLsn)) {
        count('a snapshot saw what the log did not have yet')
      }
      if (database.log.some(({ visible, changes }) => !visible && changes.some(isWritten))) {
        count('the log had what a snapshot did not see yet')
      }
      await session.step()
      const transaction = session.begin()
      const markerLsn = lsnFromInteger(database.message(transaction, marker))
      await session.step()
      const pending = this.#pending(moment.snapshot, view)
      await session.commit(transaction)
      const horizon = pending[0]?.id ?? moment.snapshot.xmax
      if (horizon < moment.snapshot.xmax) count('an open transaction held the horizon back')
      const heldBackBy = pending.map(({ id }) => `the session of transaction ${id}`)
      return { ...moment, ...found, markerLsn, horizon, heldBackBy }
    })
  }

  unsettled(view: View, keys: readonly string[], since: TransactionId): Promise<readonly string[]> {
    return this.#call('unsettled', () => {
      // No one row says that an entry has stood as it is.
      if (!view.row) return keys
      const { rows } = this.#world.asked.tables.get(view.row.table)!
      return keys.filter((key) => (rows.get(key)?.xid ?? Infinity) >= Number(since))
    })
  }

  fullPace(): Promise<FullPace | undefined> {
    return this.#call('fullPace', () => {
      const world = this.#world
      const { database } = world
      const holder = world.fullPace
      if (holder?.process.alive && holder.session === database.sessions) {
        world.count('full pace was held by another')
        return undefined
      }
      const lost = new AbortController()
      const mine = { process: this.#process, session: database.sessions, lost }
      world.fullPace = mine
      const release = () =>
        this.#call('release', () => {
          if (world.fullPace === mine) world.fullPace = undefined
        }).catch(() => {
          if (world.fullPace === mine) world.fullPace = undefined
        })
      return { lost: lost.signal, release }
    })
  }

  async close(): Promise<void> {}

  #call<T>(method: string, serve: (session: Session) => T | Promise<T>): Promise<T> {
    const { services } = this.#world
    return this.#process.call(services.source, method, async () => {
      const session = new Session(this.#world)
      try {
        return await serve(session)
      } finally {
        session.end()
      }
    })
  }

  #moment(names: readonly string[]): Moment {
    const { asked: database, sourceWallMs } = this.#world
    const snapshot = database.snapshot()
    const lsn = lsnFromInteger(BigInt(database.lsn))
    const { history } = database
    this.#world.keeping.heard()
    return { lsn, snapshot, history, setup: this.#setup(names), nowMs: sourceWallMs() }
  }

  #setup(names: readonly string[]): string {
    const { asked: database } = this.#world
    const setups = Object.fromEntries(
      names.map((name) => {
        const { oid, file, identity, altered } = database.tables.get(name)!
        return [name, { oid, files: { [oid]: file }, identities: { [oid]: [identity, altered] } }]
      }),
    )
    return JSON.stringify({
      tables: setups,
      publication: database.publication,
      slot: database.slot,
      unique: {},
    })
  }

  /** Transactions that hold the horizon back, the lowest first. */
  #pending(snapshot: Snapshot, view: View) {
    const { asked: database, sourceNowMs } = this.#world
    return [...snapshot.inProgress]
      .map((id) => ({ id, transaction: database.running(Number(id)) }))
      .filter(({ transaction }) => {
        if (!transaction) return true
        if (!transaction.active) return false
        const old = sourceNowMs() - transaction.startedMs > 2_000
        return !old || transaction.changes.some(({ table }) => tablesOf(view).includes(table))
      })
      .toSorted((a, b) => Number(a.id - b.id))
  }

  #rows(): Rows {
    const { tables: asked } = this.#world.asked
    return (table) => [...asked.get(table)!.rows.values()].map(({ row }) => row)
  }

  #faultsOf(view: View): readonly SetupFault[] {
    const { asked: database } = this.#world
    return tablesOf(view).flatMap((table) => {
      const { identity, published, columns } = database.tables.get(table)!
      const fault = (what: string) => ({ table, what: `${table}: ${what}`, mend: undefined })
      const weak = tables[table]!.needs === 'full' && identity !== 'full'
      const gone = Object.keys(columnsOf(view, table)).filter((each) => !columns.includes(each))
      return [
        ...(published ? [] : [fault('is not published')]),
        ...(weak ? [fault('has too weak a replica identity')] : []),
        ...(gone.length > 0 ? [fault(`has no ${gone.join()}`)] : []),
      ]
    })
  }
}

/** A session dies with the server. */
class Session {
  readonly #world: World
  readonly #number: number
  #open: Transaction | undefined

  readonly database: Database

  constructor(world: World) {
    this.#world = world
    this.database = world.asked
    this.#number = this.database.sessions
  }

  begin(): Transaction {
    const transaction = this.database.begin()
    transaction.active = true
    this.#open = transaction
    return transaction
  }

  /** What was not committed is rolled back. */
  end(): void {
    if (this.#open) this.database.rollback(this.#open)
  }

  async step(): Promise<void> {
    const { scheduler, random } = this.#world
    await scheduler.delay(random.source.between(0.05, 3))
    this.#proveAlive()
  }

  /** Durable, and visible when it answers. */
  async commit(transaction: Transaction): Promise<void> {
    this.#open = undefined
    if (this.database === this.#world.database) {
      await this.#world.commit(transaction, { durable: true })
    } else this.database.reveal(transaction, this.database.commit(transaction)!)
    this.#proveAlive()
  }

  #proveAlive(): void {
    const { services } = this.#world
    if (!services.source.down && this.#number === this.database.sessions) return
    this.#world.count('a session of Millrace ended with its server')
    throw services.source.away()
  }
}

function isWritten({ emitted }: RowChange): boolean {
  return emitted !== undefined
}

type Rows = (table: string) => readonly Row[]

/** The page in the plainest way: all rows, counted one by one. */
export function truthPage(
  rows: Rows,
  view: View,
  page: Page,
  most: { readonly rangeKeysMax: number; readonly cellsMax: number },
): Pick<Truth, 'entries' | 'rows' | 'last'> {
  const { row: owned } = view
  const owners = new Map(
    owned ? rows(owned.table).map((row) => [nameOf({ key: row[owned.key[0]!]! }), row]) : [],
  )
  const amounts = new Map<string, Map<string, bigint>>()
  for (const count of view.counts) {
    const { stored, table, by } = count
    for (const row of rows(table)) {
      const key = keyOf(row, by)
      if (key === undefined) continue
      const of = amounts.get(key) ?? new Map<string, bigint>()
      amounts.set(key, of.set(stored, (of.get(stored) ?? 0n) + weightOf(count, row, key)))
    }
  }
  const cells = new Map<string, Map<string, Map<string, bigint>>>()
  for (const tally of view.tallies) {
    for (const row of rows(tally.table)) {
      const key = keyOf(row, tally.by)
      const item = key === undefined ? undefined : cellOf(tally, row, key)
      if (key === undefined || item === undefined) continue
      const of = cells.get(key) ?? new Map<string, Map<string, bigint>>()
      const items = of.get(tally.stored) ?? new Map<string, bigint>()
      cells.set(key, of.set(tally.stored, items.set(item, (items.get(item) ?? 0n) + 1n)))
    }
  }
  const all = [...new Set([...owners.keys(), ...amounts.keys(), ...cells.keys()])].toSorted(inOrder)
  const wanted = keysOf(page, all, most.rangeKeysMax)
  const entries = wanted.keys.flatMap((key): [string, string][] => {
    const tallies = cells.get(key)
    if (!owners.has(key) && !amounts.has(key) && !tallies) return []
    const owner = owners.get(key)
    const fields =
      owner &&
      Object.fromEntries(
        owned!.fields.map(({ stored, column }) => {
          const value = owner[column] ?? null
          return [stored, value === null ? null : String(value)]
        }),
      )
    const counts = Object.fromEntries(
      view.counts.map(({ stored }) => [stored, amounts.get(key)?.get(stored) ?? 0n]),
    )
    // Rows that add nothing make no entry.
    if (!fields && !tallies && Object.values(counts).every((count) => count === 0n)) return []
    const entry = { fields: fields ?? null, counts, tallies }
    return [[key, encodeEntry(view.layout, key, entry, most.cellsMax)]]
  })
  return { entries: new Map(entries), rows: entries.length * 2, last: wanted.last }
}

/** The same of items of one tally. */
function itemPage(
  rows: Rows,
  view: View,
  page: ItemPage,
  rangeItemsMax: number,
): Pick<ItemTruth, 'amounts' | 'rows' | 'last'> {
  const tally = view.tallies.find(({ stored }) => stored === page.tally)!
  const all = rows(tally.table).flatMap((row) => cellOf(tally, row, page.entry) ?? [])
  const items = [...new Set(all)].toSorted()
  const following =
    page.kind === 'items'
      ? items.filter((item) => page.items.includes(item))
      : items.filter((item) => page.after === undefined || item > page.after)
  const wanted = page.kind === 'items' ? following : following.slice(0, rangeItemsMax)
  const amountOf = (item: string) => BigInt(all.filter((each) => each === item).length)
  return {
    amounts: new Map(wanted.map((item) => [item, amountOf(item)])),
    rows: wanted.length,
    last: wanted.length < following.length ? wanted.at(-1) : undefined,
  }
}

function keysOf(page: Page, all: readonly string[], rangeKeysMax: number) {
  if (page.kind === 'keys') return { keys: [...new Set(page.keys)], last: undefined }
  const { after, keysMax, keepFrom } = page
  const kept = all.filter((key) => !isBelow(key, keepFrom))
  const from = after === undefined ? kept : kept.filter((key) => inOrder(key, after) > 0)
  const keys = from.slice(0, Math.min(keysMax, rangeKeysMax))
  return { keys, last: keys.length < from.length ? keys.at(-1) : undefined }
}
