import { Client } from 'pg'
import {
  contributions,
  fieldNames,
  primaryKeys,
  tableNames,
  type ComponentChange,
  type TableName,
} from './components.ts'
import { lsnOf } from './checker.ts'
import { parsePgoutput, type LogMessage } from './pgoutput.ts'
import { isoOf, ReplayedTables, type Row } from './replayed-tables.ts'

const slot = 'history'
const publication = 'history'
/** Between moves of the slot; what is read twice until then is known by its LSN. */
const advanceEveryMs = 5_000

export type SourceHistoryParts = {
  /** The source's database, by the administrator. */
  readonly url: string
  readonly add: (lsn: bigint, change: ComponentChange) => void
}

/**
 * Reads every commit of the source, in order and with its LSN, by a replication slot of its own.
 * It shares nothing with what is tested: neither the connector nor its publication.
 */
export class SourceHistory {
  readonly tables = new ReplayedTables()
  transactions = 0
  readonly #parts: SourceHistoryParts
  #client: Client | undefined
  #lastLsn = 0n
  #advancedMs = 0

  private constructor(parts: SourceHistoryParts) {
    this.#parts = parts
  }

  /** Nobody may write meanwhile. */
  static async open(parts: SourceHistoryParts): Promise<SourceHistory> {
    const history = new SourceHistory(parts)
    const client = await history.#connected()
    await client.query(`create publication ${publication} for table ${tableNames.join(', ')}`)
    await client.query(`select pg_create_logical_replication_slot('${slot}', 'pgoutput')`)
    for (const table of tableNames) {
      const changes = history.tables.load(table, await rowsOf(client, table))
      for (const change of changes) parts.add(0n, change)
    }
    return history
  }

  /** Reads what was committed. Answers an LSN below which nothing is missing. */
  async catchUp(): Promise<bigint> {
    const client = await this.#connected()
    try {
      const ceiling = await this.#flushed(client)
      const { rows } = await client.query<{ data: Buffer }>(
        `select data from pg_logical_slot_peek_binary_changes('${slot}', null, null,
           'proto_version', '1', 'publication_names', '${publication}', 'messages', 'true')`,
      )
      this.#take(rows.map(({ data }) => parsePgoutput(data)))
      if (performance.now() - this.#advancedMs > advanceEveryMs) {
        await client.query(`select pg_replication_slot_advance('${slot}', $1)`, [textOf(ceiling)])
        this.#advancedMs = performance.now()
      }
      return ceiling
    } catch (error) {
      await this.close()
      throw error
    }
  }

  /** Where tables differ from what was replayed, in words; nobody may write meanwhile. */
  async differences(): Promise<string[]> {
    await this.catchUp()
    const client = await this.#connected()
    const found: string[] = []
    for (const table of tableNames) {
      const truth = digest(table, await rowsOf(client, table))
      const replayed = digest(table, [...this.tables.rows(table).values()])
      const differing = [...truth.keys(), ...replayed.keys()].filter(
        (key) => truth.get(key) !== replayed.get(key),
      )
      found.push(...differing.map((key) => `${table} ${key}`))
    }
    return found
  }

  async close(): Promise<void> {
    const client = this.#client
    this.#client = undefined
    await client?.end().catch(() => undefined)
  }

  #take(messages: readonly LogMessage[]): void {
    let transaction: LogMessage[] = []
    for (const message of messages) {
      if (message.kind !== 'commit') {
        if (message.kind === 'begin') transaction = []
        else transaction.push(message)
        continue
      }
      const { lsn } = message
      // The slot gives again what it gave since it was moved last.
      if (lsn <= this.#lastLsn) continue
      this.#lastLsn = lsn
      this.transactions += 1
      for (const each of transaction) {
        for (const change of this.tables.apply(each)) this.#parts.add(lsn, change)
      }
    }
  }

  async #flushed(client: Client): Promise<bigint> {
    const { rows } = await client.query<{ lsn: string }>(
      'select pg_current_wal_flush_lsn()::text as lsn',
    )
    return lsnOf(rows[0]!.lsn)
  }

  async #connected(): Promise<Client> {
    if (this.#client) return this.#client
    const client = new Client({
      connectionString: this.#parts.url,
      connectionTimeoutMillis: 5_000,
      query_timeout: 60_000,
    })
    client.on('error', () => {
      if (this.#client === client) this.#client = undefined
    })
    await client.connect()
    await client.query("set timezone to 'UTC'")
    this.#client = client
    return client
  }
}

async function rowsOf(client: Client, table: TableName): Promise<Row[]> {
  const columns = columnsOf(table).map((column) => `${column}::text as ${column}`)
  return (await client.query<Row>(`select ${columns.join(', ')} from ${table}`)).rows
}

function columnsOf(table: TableName): readonly string[] {
  const read =
    table === 'users'
      ? fieldNames.map(([column]) => column)
      : contributions[table].map(([column]) => column)
  return [...new Set([...primaryKeys[table], ...read])]
}

function digest(table: TableName, rows: readonly Row[]): ReadonlyMap<string, string> {
  return new Map(
    rows.map((row) => {
      const key = primaryKeys[table].map((column) => row[column]).join('/')
      const cells = columnsOf(table).map((column) => {
        const value = row[column] ?? null
        return column === 'joined_date' && value !== null ? isoOf(value) : value
      })
      return [key, JSON.stringify(cells)]
    }),
  )
}

function textOf(lsn: bigint): string {
  return `${(lsn >> 32n).toString(16)}/${(lsn & 0xffff_ffffn).toString(16)}`
}
