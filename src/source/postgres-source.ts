import { parseLsn } from '../position.ts'
import { parseTransactionId, type TransactionId } from '../transaction.ts'
import { settledQuery } from '../view/truth-query.ts'
import { literal } from '../view/sql-text.ts'
import { tablesOf, type View } from '../view/view.ts'
import { SharedFullPace } from './full-pace.ts'
import { beginDurably, beginLocally, markerSql } from './marker.ts'
import { momentColumns, readMoment } from './moment.ts'
import { fingerprintSql } from './setup-fingerprint.ts'
import { findFaults } from './setup-faults.ts'
import { SourceDatabase, type Rows } from './source-database.ts'
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
} from './source.ts'
import { askItemTruth, askTruth, type TruthOptions } from './truth.ts'

export type PostgresSourceOptions = {
  /** `postgres://…` of the primary, by a role that may read the tables and nothing else. */
  readonly url: string
  /** By which the connector reads the log. */
  readonly publication: string
  readonly slot: string
  /** Bound of one call but `truth`. */
  readonly callTimeoutMs: number
  /** Bound of each statement of `truth`; a count of one key's rows takes as long as it takes. */
  readonly pageTimeoutMs?: number
  /** How long `truth` waits for a lock, while others queue behind it. */
  readonly lockTimeoutMs?: number
  /** Rows of one table that a range counts, unless one key alone has more. */
  readonly pageRowsMax?: number
}

/** `mark` must not wait behind pages of truth, so each has connections of its own. */
const callConnections = 2
const pageConnections = 3

export function postgresSource(options: PostgresSourceOptions): Source {
  return new PostgresSource(options)
}

class PostgresSource implements Source {
  readonly #options: Required<PostgresSourceOptions>
  readonly #calls: SourceDatabase
  readonly #pages: SourceDatabase
  readonly #fullPace: SharedFullPace

  constructor(options: PostgresSourceOptions) {
    const defaults = { pageTimeoutMs: 10_000, lockTimeoutMs: 200, pageRowsMax: 100_000 }
    this.#options = { ...defaults, ...options }
    const { url, callTimeoutMs, pageTimeoutMs } = this.#options
    this.#fullPace = new SharedFullPace(url, callTimeoutMs)
    // Whoever waits for a connection behind a slow message must not call the source away.
    this.#calls = new SourceDatabase({
      url,
      connectionsMax: callConnections,
      messageTimeoutMs: callTimeoutMs,
      connectTimeoutMs: callTimeoutMs * 2,
    })
    this.#pages = new SourceDatabase({
      url,
      connectionsMax: pageConnections,
      messageTimeoutMs: pageTimeoutMs * 2 + callTimeoutMs,
      connectTimeoutMs: (pageTimeoutMs + callTimeoutMs) * 2,
    })
  }

  async mark(text: string, next: string): Promise<Marked> {
    // The snapshot is older than the message, so what it sees stands before the message in the log.
    const statement = `select ${momentColumns}, pg_current_xact_id()::text, ${markerSql(text)}`
    const [, [rows]] = (await this.#calls.runGroups([
      beginDurably,
      [statement],
      ['commit', ...beginLocally, `select ${markerSql(next)}`, 'commit'],
    ])) as [Rows[], [[unknown[]]]]
    const [row] = rows
    const [transaction, lsn] = row.slice(-2) as [string, string]
    return {
      ...readMoment(row),
      transaction: parseTransactionId(transaction),
      lsn: parseLsn(lsn),
    }
  }

  async moment(view: View): Promise<Moment> {
    const fingerprint = fingerprintSql(tablesOf(view), this.#options)
    const [[row]] = (await this.#calls.run([`select ${momentColumns}, ${fingerprint}`])) as [
      [unknown[]],
    ]
    return { ...readMoment(row), setup: row.at(-1) as string }
  }

  async slot(): Promise<SlotState | undefined> {
    const name = literal(this.#options.slot)
    const [[row]] = (await this.#calls.run([
      `select active, coalesce(wal_status, 'reserved'),
         coalesce(pg_wal_lsn_diff(pg_current_wal_insert_lsn(), restart_lsn), 0)::float8
       from pg_replication_slots where slot_name = ${name}`,
    ])) as [[[boolean, string, number]?]]
    if (!row) return undefined
    const [active, walStatus, walBytes] = row
    return { active, walStatus, walBytes }
  }

  faults(views: readonly View[]): Promise<readonly SetupFault[]> {
    return findFaults(this.#calls, views, this.#options.publication)
  }

  truth(view: View, page: Page, marker: string): Promise<Truth> {
    return askTruth(this.#pages, { view, page, marker }, this.#truthOptions())
  }

  itemTruth(view: View, page: ItemPage, marker: string): Promise<ItemTruth> {
    return askItemTruth(this.#pages, { view, page, marker }, this.#truthOptions())
  }

  #truthOptions(): TruthOptions {
    const { lockTimeoutMs, pageTimeoutMs, pageRowsMax } = this.#options
    return {
      capture: this.#options,
      lockTimeoutMs,
      statementTimeoutMs: pageTimeoutMs,
      rowsMax: pageRowsMax,
    }
  }

  async unsettled(
    view: View,
    keys: readonly string[],
    since: TransactionId,
  ): Promise<readonly string[]> {
    if (keys.length === 0) return []
    const [rows] = await this.#calls.run([settledQuery(view, keys, since)])
    const settled = new Set(rows!.map(([key]) => key as string))
    return keys.filter((key) => !settled.has(key))
  }

  fullPace(): Promise<FullPace | undefined> {
    return this.#fullPace.take()
  }

  async close(): Promise<void> {
    await Promise.all([this.#calls.close(), this.#pages.close()])
  }
}
