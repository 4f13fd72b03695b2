import { Pool } from 'pg'
import type { NamedColumn } from '../../src/mutation.ts'
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts'
import { postgresServer, type TestServer } from '../support/chain.ts'
import { userLayout } from '../support/view-layouts.ts'
import type { StoreHarness } from './store-fixture.ts'

const callTimeoutMs = 5_000

/** What a store knows of a view before it knows its layouts. */
export type OpenedView = { readonly name: string; readonly key: readonly NamedColumn[] }

/** A Postgres of its own, and a bare client that does to it what people and accidents do. */
export type PostgresHarness = StoreHarness & {
  readonly server: TestServer
  readonly url: string
  readonly sql: Pool
  openView(view: OpenedView): ReturnType<typeof openPostgresStore>
}

export async function postgresHarness(
  settings: Readonly<Record<string, string>> = {},
): Promise<PostgresHarness> {
  const server = await postgresServer({ settings })
  const url = server.chain.env.MILLRACE_POSTGRES ?? ''
  const sql = new Pool({
    connectionString: url,
    max: 2,
    // A test that fails while it holds something does not hold up those after it.
    statement_timeout: callTimeoutMs,
    idle_in_transaction_session_timeout: callTimeoutMs,
  })
  sql.on('error', () => undefined)
  const openView = ({ name, key }: OpenedView) =>
    openPostgresStore({ url, view: { name, key }, callTimeoutMs })
  return {
    server,
    url,
    sql,
    openView,
    open: (view = userLayout) => openView(view),
    reset: async () => {
      const tables = (await tablesOf(sql)).filter((name) => name !== 'millrace.migrations')
      if (tables.length > 0) await sql.query(`truncate ${tables.join(', ')}`)
    },
    stop: async () => {
      await sql.end()
      await server.stop()
    },
    loseState: async () => {
      await sql.query('delete from millrace.views')
    },
    loseInstance: async () => {
      await sql.query('update millrace.views set instance = null')
    },
    loseCheckpoint: async (partition) => {
      await sql.query(`delete from millrace.checkpoints where topic || '/' || partition = $1`, [
        partition,
      ])
    },
    copy: () => copyOf(sql),
  }
}

/** What the store keeps, as the server's own copy; tables that come later are emptied. */
async function copyOf(sql: Pool): Promise<() => Promise<void>> {
  const tables = await tablesOf(sql)
  await sql.query('drop schema if exists copied cascade; create schema copied')
  for (const [index, table] of tables.entries()) {
    await sql.query(`create table copied.t${index} as table ${table}`)
  }
  return async () => {
    await sql.query(`truncate ${(await tablesOf(sql)).join(', ')}`)
    for (const [index, table] of tables.entries()) {
      const names = await columnsOf(sql, `copied.t${index}`)
      await sql.query(
        `insert into ${table} (${names}) overriding system value
         select ${names} from copied.t${index}`,
      )
    }
  }
}

async function tablesOf(sql: Pool): Promise<readonly string[]> {
  const { rows } = await sql.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables
     where schemaname in ('millrace', 'public') order by 1`,
  )
  return rows.map(({ name }) => name)
}

async function columnsOf(sql: Pool, table: string): Promise<string> {
  const { rows } = await sql.query<{ names: string }>(
    `select string_agg(quote_ident(attname), ', ') as names from pg_attribute
     where attrelid = $1::regclass and attnum > 0 and not attisdropped`,
    [table],
  )
  return rows[0]!.names
}
