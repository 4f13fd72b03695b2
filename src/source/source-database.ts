import { DatabaseError, escapeIdentifier, Pool, type QueryResultRow } from 'pg'
import type { Row } from '../change.ts'
import { MillraceError } from '../errors.ts'
import { parseLsn, type Lsn } from '../position.ts'

export type SourceOptions = {
  /** `postgres://…`, by a role that may read the view's tables and nothing else. */
  readonly url: string
  /** Bound of one statement and of its reply; a free connection is waited for twice as long. */
  readonly callTimeoutMs: number
}

/** Of one worker, whose partitions may all ask at once. */
const connectionsMax = 4

/**
 * The source database, asked the few things that its changes don't tell. Every method rejects with
 * a retriable MillraceError while the database is away.
 */
export class SourceDatabase {
  readonly #pool: Pool
  readonly #primaryKeys = new Map<string, readonly KeyColumn[]>()

  constructor({ url, callTimeoutMs }: SourceOptions) {
    this.#pool = new Pool({
      connectionString: url,
      max: connectionsMax,
      keepAlive: true,
      // Whoever waits for a connection behind a slow statement must not call the source away.
      connectionTimeoutMillis: callTimeoutMs * 2,
      // The pool closes a connection whose reply did not come, for it is in the middle of one.
      query_timeout: callTimeoutMs,
      statement_timeout: callTimeoutMs,
      application_name: 'millrace',
    })
    // A connection that breaks while idle is replaced by the pool; the next query tells.
    this.#pool.on('error', () => undefined)
  }

  /**
   * Commits a transaction that writes nothing but a marker to the log. Everything committed
   * before the call was made lies below the LSN that it answers.
   */
  async mark(): Promise<Lsn> {
    const [row] = await this.query<{ lsn: string }>(
      `select pg_logical_emit_message(true, 'millrace', 'barrier')::text as lsn`,
    )
    return parseLsn(row!.lsn)
  }

  /** The end of the database's log now. */
  async end(): Promise<Lsn> {
    const [row] = await this.query<{ lsn: string }>(
      'select pg_current_wal_insert_lsn()::text as lsn',
    )
    return parseLsn(row!.lsn)
  }

  /**
   * Of the primary keys given, the indexes of those that no row of `table` has. One statement: few
   * enough keys, about a thousand, let it end in time also on disks that are slow.
   */
  async missing(table: string, keys: readonly Row[]): Promise<readonly number[]> {
    const columns = await this.#primaryKey(table)
    const arrays = columns.map(({ name }) => keys.map((key) => String(key[name])))
    const casts = columns.map(({ type }, index) => `$${index + 1}::text[]::${type}[]`)
    const names = columns.map(({ name }) => escapeIdentifier(name))
    const rows = await this.query<{ index: string }>(
      `select asked.index from unnest(${casts.join(', ')}) with ordinality
         as asked(${names.join(', ')}, index)
       where not exists (select from ${escapeIdentifier(table)} present
         where ${names.map((name) => `present.${name} = asked.${name}`).join(' and ')})
       order by asked.index`,
      arrays,
    )
    return rows.map(({ index }) => Number(index) - 1)
  }

  /** Runs one statement. Rejects with code `source-unavailable` or `source-refused`. */
  async query<R extends QueryResultRow>(text: string, values: unknown[] = []): Promise<R[]> {
    try {
      const { rows } = await this.#pool.query<R>(text, values)
      return rows
    } catch (cause) {
      throw sourceError(cause)
    }
  }

  async close(): Promise<void> {
    await this.#pool.end()
  }

  async #primaryKey(table: string): Promise<readonly KeyColumn[]> {
    const known = this.#primaryKeys.get(table)
    if (known) return known
    const columns = await this.query<KeyColumn>(
      `select attname as name, format_type(atttypid, atttypmod) as type
         from pg_index join pg_attribute on attrelid = indrelid and attnum = any (indkey)
        where indrelid = to_regclass($1) and indisprimary
        order by array_position(indkey::int2[], attnum)`,
      [escapeIdentifier(table)],
    )
    if (columns.length === 0) {
      throw new MillraceError(
        'no-primary-key',
        `table ${table} has no primary key, or is not there`,
        {
          hint: `A row is known by its primary key: alter table ${table} add primary key (…).`,
        },
      )
    }
    this.#primaryKeys.set(table, columns)
    return columns
  }
}

type KeyColumn = { readonly name: string; readonly type: string }

/** Postgres answers with an SQLSTATE when it understood and refused; else it is away. */
function sourceError(cause: unknown): MillraceError {
  const state = cause instanceof DatabaseError ? cause.code : undefined
  const away = state === undefined || /^(08|53|57|40|58)/.test(state)
  if (away) {
    return new MillraceError('source-unavailable', 'the source database does not answer', {
      retriable: true,
      cause,
      hint: 'Nothing is lost: the views go on where they stood once Postgres is back.',
    })
  }
  return new MillraceError('source-refused', 'the source database refused a statement', {
    cause,
    hint: 'Check the rights of the role in MILLRACE_SOURCE: it needs select on the tables.',
  })
}
