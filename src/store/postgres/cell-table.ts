import { MillraceError } from '../../errors.ts'
import type { NamedColumn } from '../../mutation.ts'
import type { PostgresConnection, SqlRow, Transaction } from './connection.ts'
import { amountMost, cellColumns, CellSql, startLength, startSql } from './cell-sql.ts'
import { columnName, columnOf, quote } from './entry-columns.ts'
import { locksOf, schemaLock } from './locks.ts'

export type CellTableParts = {
  readonly connection: PostgresConnection
  readonly view: string
  readonly schema: string
  readonly key: readonly NamedColumn[]
  /** Nothing is created. */
  readonly readOnly: boolean
}

/**
 * The table of a view's tallies, one row for each cell. It is there from when the first declaration
 * with tallies is written or compared; a view that never had any has none.
 */
export class CellTable {
  readonly sql: CellSql
  readonly #parts: CellTableParts
  readonly #table: string

  constructor(parts: CellTableParts) {
    const { schema, view, key } = parts
    this.#parts = parts
    this.#table = `${quote(schema)}.${quote(columnName(`${view}-cells`))}`
    this.sql = new CellSql({ table: this.#table, key })
  }

  /** With its schema, as SQL writes it. */
  get name(): string {
    return this.#table
  }

  async exists(asked: Pick<Transaction, 'query'> = this.#parts.connection): Promise<boolean> {
    const text = 'select from pg_class where oid = to_regclass($1)'
    return (await asked.query(text, [this.#table])).rowCount === 1
  }

  /** Creates the table where it is missing; refuses one of another shape (`store-layout`). */
  async prepare(): Promise<void> {
    const { connection, view, readOnly } = this.#parts
    if (!readOnly && !(await this.exists())) await this.#create()
    const fault = (await connection.query(shapeText, this.#shape())).rows.map(faultOf)[0]
    if (fault !== undefined) throw layoutError(this.#table, fault)
    if (readOnly) return
    await connection.query(
      'update millrace.views set has_cells = true where view = $1 and not has_cells',
      [view],
    )
  }

  async #create(): Promise<void> {
    const { connection, view, key } = this.#parts
    const { tally, item, hash, amount } = quoted(cellColumns(key))
    const parts = key.map(columnOf).map(({ name, type }) => `${quote(name)} ${type} not null`)
    const names = key.map(({ name }) => quote(columnName(name))).join(', ')
    await connection.transaction([schemaLock, locksOf(view).alone], async (transaction) => {
      if (await this.exists(transaction)) return true
      await transaction.query(
        `create table ${this.#table} (${parts.join(', ')},
           ${tally} text collate "C" not null, ${item} text collate "C" not null,
           ${hash} bytea not null, ${amount} bigint not null,
           constraint ${rangeName} check (${amount} between -${amountMost} and ${amountMost}))
         with (fillfactor = 80)`,
      )
      await transaction.query(
        `create unique index on ${this.#table} (${names}, ${tally}, ${startSql(item)}, ${hash});
         create index on ${this.#table} (${names}, ${tally}, ${amount} desc, ${startSql(item)})`,
      )
      // A view that had tallies is not what its state says without them: it is begun anew.
      await transaction.query('delete from millrace.views where view = $1 and has_cells', [view])
      return true
    })
  }

  /** Values of `shapeText`. */
  #shape(): readonly unknown[] {
    const { key } = this.#parts
    const { tally, item, hash, amount } = cellColumns(key)
    const columns = [
      ...key.map(columnOf).map((column) => ({ ...column, collation: null })),
      { name: tally, type: 'text', collation: 'C' },
      { name: item, type: 'text', collation: 'C' },
      { name: hash, type: 'bytea', collation: null },
      { name: amount, type: 'bigint', collation: null },
    ]
    return [
      this.#table,
      columns.map(({ name }) => name),
      columns.map(({ type }) => type),
      columns.map(({ collation }) => collation),
      [...key.map(({ name }) => columnName(name)), tally],
      item,
      hash,
    ]
  }
}

const rangeName = 'amount_in_range'

/** What a table of cells lacks of a column's name, type and collation, of its index and its check. */
const shapeText = `with asked as (select to_regclass($1) as oid)
  select format('column %I of type %s', c.name, c.type || coalesce(' collate "' || wanted || '"', '')) as fault
  from unnest($2::text[], $3::text[], $4::text[]) as c (name, type, wanted)
  where not exists (
    select from pg_attribute a left join pg_collation l on l.oid = a.attcollation
    where a.attrelid = (select oid from asked) and a.attname = c.name and not a.attisdropped
      and a.attnotnull and format_type(a.atttypid, a.atttypmod) = c.type
      and (c.wanted is null or l.collname = c.wanted))
  union all
  select format('unique index (%s)', array_to_string(wanted, ', '))
  from (select array(select quote_ident(k.name) from unnest($5::text[]) with ordinality as k (name, place)
      order by place) || array[format('"left"(%I, ${startLength})', $6::text), quote_ident($7)]) as u (wanted)
  where not exists (
    select from pg_index i where i.indrelid = (select oid from asked)
      and i.indisunique and i.indimmediate and i.indisvalid and i.indpred is null
      and array(select pg_get_indexdef(i.indexrelid, at, true)
        from generate_series(1, i.indnkeyatts) as at order by at) = u.wanted)
  union all
  select 'check ${rangeName}' where not exists (
    select from pg_constraint where conrelid = (select oid from asked) and contype = 'c'
      and convalidated and conname = '${rangeName}')`

function faultOf({ fault }: SqlRow): string {
  return fault as string
}

function quoted<T extends Readonly<Record<string, string>>>(names: T): T {
  const each = Object.entries(names).map(([part, name]) => [part, quote(name)])
  return Object.fromEntries(each) as T
}

function layoutError(table: string, fault: string): MillraceError {
  return new MillraceError('store-layout', `${table} has no ${fault}`, {
    hint:
      `The table does not hold the tallies of this view. Rename it, or drop it, then start a ` +
      `worker: the view is built anew.`,
  })
}
