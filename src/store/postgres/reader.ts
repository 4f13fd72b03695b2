import type { ViewLayout } from '../../mutation.ts'
import { parseLsn } from '../../position.ts'
import { checkKeys } from '../checks.ts'
import { refuseOtherFormat } from '../epoch.ts'
import { keptEntries } from '../kept-entries.ts'
import { limits } from '../limits.ts'
import type { ReadResult, StoreStatus, ViewReader } from '../reader.ts'
import type { ParkedRecord } from '../state.ts'
import { statement, type SqlRow, type Statement } from './connection.ts'
import type { EntrySql } from './entry-sql.ts'
import { lacksColumn, lacksTable } from './postgres-errors.ts'
import { clearParked, readParked } from './parked.ts'
import { ageMsSql, readStatus } from './state.ts'
import type { ViewParts } from './view-parts.ts'

export class PostgresReader implements ViewReader {
  readonly #parts: ViewParts
  readonly #sql: EntrySql
  readonly #read: Statement
  /** The declaration as it stands in the state once every entry holds what it declares. */
  readonly #complete: string

  constructor(parts: ViewParts, layout: ViewLayout, served: string) {
    this.#parts = parts
    this.#sql = parts.table.sql(layout)
    this.#read = readText(this.#sql)
    this.#complete = JSON.stringify([{ id: served, complete: true }])
  }

  async read(keys: readonly string[]): Promise<ReadResult> {
    checkKeys(keys, limits.readKeysMax)
    const rows = await this.#rows(this.#parts.table.possible(keys))
    const [state] = rows
    if (!state) return { kind: 'unavailable', phase: 'absent' }
    refuseOtherFormat(state.format, 'millrace.views')
    if (state.serves !== true) return { kind: 'unavailable', phase: 'building' }
    const found = new Map(rows.map((row) => [row.entry as string | null, row]))
    return {
      kind: 'serving',
      watermark: parseLsn(state.watermark as string),
      ageMs: state.age_ms as number,
      doubts: [...new Set((state.doubts ?? []) as readonly string[])],
      entries: keptEntries(
        keys.map((key) => {
          const row = found.get(key)
          return row ? this.#sql.entry(row) : null
        }),
        this.#sql.layout,
        (state.keep_from as number | null) ?? undefined,
      ),
    }
  }

  status(): Promise<StoreStatus> {
    return readStatus(this.#parts.connection, this.#parts.view)
  }

  parked(): AsyncIterable<ParkedRecord> {
    return readParked(this.#parts.connection, this.#parts.view)
  }

  clearParked(): Promise<number> {
    return clearParked(this.#parts.connection, this.#parts.view)
  }

  /** The state's row, or one for each entry found that repeats it; none without a state. */
  async #rows(keys: readonly string[]): Promise<readonly SqlRow[]> {
    const { connection, view } = this.#parts
    try {
      return (await connection.query(this.#read, [view, this.#complete, ...this.#sql.values(keys)]))
        .rows
    } catch (error) {
      if (!lacksColumn(error) && !lacksTable(error)) throw error
      // A declaration whose columns are not there yet, or not any more, is not complete.
      const { rows } = await connection.query(stateText, [view, this.#complete])
      if (rows[0]?.serves === true) throw error
      return rows
    }
  }
}

const stateSql = `select v.format, v.watermark::text, v.keep_from::float8, ${ageMsSql} as age_ms,
    v.declarations @> $2::jsonb and v.watermark is not null as serves,
    (select json_agg(d.doubt->>'code' order by d.raised)
     from millrace.doubts d where d.view = v.view) as doubts
  from millrace.views v where v.view = $1`

const stateText = statement('read state', stateSql)

/** One statement sees one moment: the state, and only where it serves its entries. */
function readText(sql: EntrySql): Statement {
  const { table, columns, slices, exists } = sql
  return statement(
    'read',
    `with v as materialized (${stateSql})
     select v.*, ${columns}${slices}
     from v left join ${table} e on v.serves and ${exists} and ${sql.among(3)}`,
  )
}
