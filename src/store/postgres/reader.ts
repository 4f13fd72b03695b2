import type { ViewLayout } from '../../mutation.ts'
import { parseLsn } from '../../position.ts'
import { checkKeys } from '../checks.ts'
import { refuseOtherFormat } from '../epoch.ts'
import { keptEntries } from '../kept-entries.ts'
import { limits } from '../limits.ts'
import type { Displaced, ReadPart, ReadResult, StoreStatus, ViewReader } from '../reader.ts'
import type { ParkedRecord } from '../state.ts'
import { checkParts, entriesAmong, namedKeys, strangeReader } from '../together.ts'
import { statement, type SqlRow, type Statement, type Transaction } from './connection.ts'
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
    const { connection } = this.#parts
    try {
      return await this.#result(connection, keys)
    } catch (error) {
      if (!lacksColumn(error) && !lacksTable(error)) throw error
      return this.#unready(connection, error)
    }
  }

  /** One transaction sees one moment; a statement for each part, since one may say what the next asks. */
  async readTogether(parts: readonly ReadPart[]): Promise<readonly ReadResult[]> {
    checkParts(parts)
    const [first] = parts
    if (parts.length === 1 && 'keys' in first!) return [await own(first.reader).read(first.keys)]
    const unready = new Map<number, unknown>()
    for (;;) {
      const results: ReadResult[] = []
      try {
        await this.#parts.connection.transaction([oneMoment], async (asked) => {
          while (results.length < parts.length) {
            const at = results.length
            const reader = own(parts[at]!.reader)
            if (unready.has(at)) results.push(await reader.#unready(asked, unready.get(at)))
            else results.push(...(await reader.#next(asked, parts, results)))
          }
          return true
        })
        return results
      } catch (error) {
        const at = results.length
        if ((!lacksColumn(error) && !lacksTable(error)) || unready.has(at)) throw error
        unready.set(at, error)
      }
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

  async displaced(): Promise<readonly Displaced[]> {
    return []
  }

  /** Of the next part, and of those behind it that name entries of the same reader: one statement. */
  async #next(
    asked: Asked,
    parts: readonly ReadPart[],
    results: readonly ReadResult[],
  ): Promise<readonly ReadResult[]> {
    const part = parts[results.length]!
    if ('keys' in part) return [await this.#result(asked, part.keys)]
    const wanted: (readonly string[])[] = []
    for (const each of parts.slice(results.length)) {
      if ('keys' in each || each.reader !== this) break
      wanted.push(namedKeys(each.by, results))
    }
    const all = await this.#result(asked, [...new Set(wanted.flat())])
    return wanted.map((keys) => entriesAmong(all, keys))
  }

  async #result(asked: Asked, keys: readonly string[]): Promise<ReadResult> {
    const { table, view } = this.#parts
    const values = this.#sql.values(table.possible(keys))
    const { rows } = await asked.query(this.#read, [view, this.#complete, ...values])
    return this.#resultOf(rows, keys)
  }

  /** A declaration whose columns are not there yet, or not any more, as `error` says, is not complete. */
  async #unready(asked: Asked, error: unknown): Promise<ReadResult> {
    const { rows } = await asked.query(stateText, [this.#parts.view, this.#complete])
    if (rows[0]?.serves === true) throw error
    return this.#resultOf(rows, [])
  }

  /** Of the state's row, or of one for each entry found that repeats it; none without a state. */
  #resultOf(rows: readonly SqlRow[], keys: readonly string[]): ReadResult {
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
}

/** Whatever runs statements. */
type Asked = Pick<Transaction, 'query'>

const oneMoment = 'set transaction isolation level repeatable read, read only'

function own(reader: ViewReader): PostgresReader {
  if (reader instanceof PostgresReader) return reader
  throw strangeReader(reader)
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
