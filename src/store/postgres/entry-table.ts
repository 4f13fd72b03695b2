import { MillraceError } from '../../errors.ts'
import type { NamedPart, ViewLayout } from '../../mutation.ts'
import { CellTable } from './cell-table.ts'
import type { PostgresConnection, SqlRow, Transaction } from './connection.ts'
import {
  columnName,
  columnsOf,
  columnOf,
  isPossibleKey,
  keyText,
  presentColumn,
  quote,
  type Column,
} from './entry-columns.ts'
import { EntrySql, type EntryPlace } from './entry-sql.ts'
import { locksOf, schemaLock } from './locks.ts'
import { lacksColumn } from './postgres-errors.ts'

export type EntryTableParts = {
  readonly connection: PostgresConnection
  readonly view: string
  readonly key: readonly NamedPart[]
  /** Nothing is created or altered. */
  readonly readOnly: boolean
}

/** Readers wait behind whoever waits to alter a table, so nobody waits longer than this for that. */
const alterTimeoutMs = 500

/**
 * The view's table: the key, `present`, and a column for each field and counter that any of its
 * layouts has. A field is null without an owning row; a counter is null where it is missing.
 */
export class EntryTable {
  /** Beside it, for the tallies of its entries. */
  readonly cells: CellTable
  readonly #parts: EntryTableParts
  readonly #table: string
  /** For layouts whose columns are there. */
  #statements = new WeakMap<ViewLayout, EntrySql>()

  private constructor(parts: EntryTableParts, schema: string) {
    this.#parts = parts
    this.#table = `${quote(schema)}.${quote(columnName(parts.view))}`
    this.cells = new CellTable({ ...parts, schema })
  }

  /** With its schema, as SQL writes it. */
  get name(): string {
    return this.#table
  }

  /** Creates the table where it is missing; refuses one of another shape (`store-layout`). */
  static async open(parts: EntryTableParts): Promise<EntryTable> {
    const table = new EntryTable(parts, await schemaOf(parts.connection))
    const found = await table.#columns(parts.connection)
    if (found.size > 0) await table.#refuseOtherKey(found)
    else if (!parts.readOnly) await table.#create()
    return table
  }

  /**
   * Runs `work` on a table that has every column of the layout, and beside that of its tallies where
   * it has any. Runs it again when a column turns
   * out to be gone, so what it has done by then must be rolled back, or do no harm.
   */
  async with<T>(layout: ViewLayout, work: (sql: EntrySql) => Promise<T>): Promise<T> {
    try {
      return await work(await this.#prepared(layout))
    } catch (error) {
      if (!lacksColumn(error)) throw error
      // Somebody has dropped a column since it was looked for.
      this.#statements = new WeakMap()
      return work(await this.#prepared(layout))
    }
  }

  /** Statements for a table that may lack columns, and may not be there. */
  sql(layout: ViewLayout): EntrySql {
    return new EntrySql(this.#place(), layout, [])
  }

  /** Those of the names that have a column, as SQL writes it. */
  async existing(transaction: Transaction, names: readonly string[]): Promise<readonly string[]> {
    const found = await this.#columns(transaction)
    return names
      .map(columnName)
      .filter((name) => found.has(name))
      .map(quote)
  }

  /** Those of the keys that an entry can have at all. */
  possible(keys: readonly string[]): readonly string[] {
    return keys.filter((key) => isPossibleKey(this.#parts.key, key))
  }

  /** One key that is in the table, or has tallies beside it. */
  async anyKey(): Promise<string | undefined> {
    const { connection, key } = this.#parts
    if ((await this.#columns(connection)).size === 0) return undefined
    const order = key.map(({ name }) => `e.${quote(columnName(name))}`).join(', ')
    const tables = [this.#table, ...((await this.cells.exists()) ? [this.cells.name] : [])]
    const one = (table: string) =>
      `(select ${keyText(key)} as entry from ${table} e order by ${order} limit 1)`
    const { rows } = await connection.query(tables.map(one).join(' union all '))
    return rows[0]?.entry as string | undefined
  }

  async #prepared(layout: ViewLayout): Promise<EntrySql> {
    const known = this.#statements.get(layout)
    if (known) return known
    const { connection, key, readOnly } = this.#parts
    const expected = [presentColumn, ...columnsOf(layout)]
    let found = await this.#columns(connection)
    if (!readOnly && expected.some((column) => !takes(found, column))) {
      found = await this.#alter(expected)
    }
    for (const column of expected) if (!fits(found, column)) throw layoutError(this.#table, column)
    const named = new Set([...key.map(columnOf), ...expected].map(({ name }) => name))
    const others = [...found.values()].filter(({ name, clears }) => clears && !named.has(name))
    if (layout.tallies.length > 0) await this.cells.prepare()
    const sql = new EntrySql(
      this.#place(),
      layout,
      others.map(({ name }) => name),
    )
    this.#statements.set(layout, sql)
    return sql
  }

  #place(): EntryPlace {
    return { table: this.#table, key: this.#parts.key, cells: this.cells.sql }
  }

  /** Adds columns, and lets those that are there be null. */
  async #alter(expected: readonly Column[]): Promise<ReadonlyMap<string, FoundColumn>> {
    const begin = [schemaLock, `set local lock_timeout = ${alterTimeoutMs}`]
    const altered = await this.#parts.connection.transaction(begin, async (transaction) => {
      const found = await this.#columns(transaction)
      const steps = expected
        .filter((column) => !takes(found, column))
        .map(({ name, type }) =>
          found.has(name)
            ? `alter column ${quote(name)} drop not null, alter column ${quote(name)} drop default`
            : `add column ${quote(name)} ${type}`,
        )
      if (steps.length > 0) {
        await transaction.query(`alter table ${this.#table} ${steps.join(', ')}`)
      }
      return this.#columns(transaction)
    })
    // The columns that go with an owning row are others now, for every layout.
    this.#statements = new WeakMap()
    return altered!
  }

  async #create(): Promise<void> {
    const { connection, view, key } = this.#parts
    const columns = key.map(columnOf)
    const definitions = columns.map(({ name, type }) => `${quote(name)} ${type}`).join(', ')
    const names = columns.map(({ name }) => quote(name)).join(', ')
    await connection.transaction([schemaLock, locksOf(view).alone], async (transaction) => {
      if ((await this.#columns(transaction)).size > 0) return true
      await transaction.query(
        `create table ${this.#table} (${definitions}, present boolean, primary key (${names}))
         with (fillfactor = 80)`,
      )
      // Without its entries a view is not what its state says: it is begun anew.
      await transaction.query('delete from millrace.views where view = $1', [view])
      return true
    })
  }

  async #refuseOtherKey(found: ReadonlyMap<string, FoundColumn>): Promise<void> {
    const { connection, key } = this.#parts
    const columns = key.map(columnOf)
    const missing = columns.find((column) => !fits(found, column))
    if (missing) throw layoutError(this.#table, missing)
    const { rowCount } = await connection.query(
      `select from pg_index i
       where i.indrelid = to_regclass($1) and i.indisunique and i.indimmediate and i.indpred is null
         and i.indkey::text = (select string_agg(a.attnum::text, ' ' order by named.place)
           from unnest($2::text[]) with ordinality as named (name, place)
             join pg_attribute a on a.attrelid = i.indrelid and a.attname = named.name)`,
      [this.#table, columns.map(({ name }) => name)],
    )
    if (rowCount === 0) {
      const [first, ...others] = columns
      const names = others.map(({ name }) => `, ${quote(name)}`).join('')
      throw layoutError(this.#table, {
        name: first!.name,
        type: `${first!.type} primary key${names}`,
      })
    }
  }

  async #columns(asked: Pick<Transaction, 'query'>): Promise<ReadonlyMap<string, FoundColumn>> {
    const { rows } = await asked.query(
      `select attname as name, format_type(atttypid, atttypmod) as type,
         not attnotnull as nullable, attgenerated = '' and not attnotnull as clears
       from pg_attribute
       where attrelid = to_regclass($1) and attnum > 0 and not attisdropped`,
      [this.#table],
    )
    return new Map(rows.map((row) => [row.name as string, foundColumn(row)]))
  }
}

type FoundColumn = Column & {
  readonly nullable: boolean
  /** Whether it can be set to null when the owning row goes. */
  readonly clears: boolean
}

function foundColumn({ name, type, nullable, clears }: SqlRow): FoundColumn {
  return {
    name: name as string,
    type: type as string,
    nullable: nullable === true,
    clears: clears === true,
  }
}

function fits(found: ReadonlyMap<string, FoundColumn>, { name, type }: Column): boolean {
  return found.get(name)?.type === type
}

/** Whether a column is there and may be null. One of another type is left for the check after. */
function takes(found: ReadonlyMap<string, FoundColumn>, { name, type }: Column): boolean {
  const column = found.get(name)
  return column !== undefined && (column.nullable || column.type !== type)
}

/**
 * The first schema of the search path where tables can go, but not that of the books: for a role
 * named `millrace` that one comes first, by `"$user"`. Refuses a database that can't hold any text.
 */
async function schemaOf(connection: PostgresConnection): Promise<string> {
  const { rows } = await connection.query(
    `select current_setting('server_encoding') as encoding,
       (select name from unnest(current_schemas(false)) with ordinality as s (name, place)
        where name <> 'millrace' order by place limit 1) as schema`,
  )
  const { encoding, schema } = rows[0]!
  if (encoding === 'UTF8') return (schema as string | null) ?? 'public'
  throw new MillraceError('store-layout', `the database has the encoding ${String(encoding)}`, {
    hint: `A view's database must have UTF8: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0.`,
  })
}

function layoutError(table: string, { name, type }: Column): MillraceError {
  return new MillraceError(
    'store-layout',
    `${table} has no column ${quote(name)} of type ${type}`,
    {
      hint:
        `The table is not one of this view, or was made for another declaration of it. ` +
        `Rename it, or drop it, then start a worker: the view is built anew.`,
    },
  )
}
