import { Pool } from 'pg'
import type { ViewLayout } from '../../src/mutation.ts'
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts'
import { postgresServer, type TestServer } from '../support/chain.ts'
import { userLayout } from '../support/view-layouts.ts'
import type { StoreHarness } from './store-fixture.ts'

const callTimeoutMs = 5_000

/** A Postgres of its own, and a bare client that does to it what people and accidents do. */
export type PostgresHarness = StoreHarness & {
  readonly server: TestServer
  readonly url: string
  readonly sql: Pool
  openView(layout: ViewLayout): ReturnType<typeof openPostgresStore>
}

export async function postgresHarness(): Promise<PostgresHarness> {
  const server = await postgresServer()
  const url = server.chain.env.MILLRACE_POSTGRES ?? ''
  const sql = new Pool({ connectionString: url, max: 2 })
  sql.on('error', () => undefined)
  const openView = (layout: ViewLayout) => openPostgresStore({ url, layout, callTimeoutMs })
  return {
    server,
    url,
    sql,
    openView,
    open: () => openView(userLayout),
    reset: async () => {
      await sql.query(`do $$ begin
        if to_regnamespace('millrace') is not null then
          truncate millrace.views, millrace.checkpoints, millrace.parked, millrace.problems,
            millrace.leases;
        end if;
        if to_regclass('user_information') is not null then truncate user_information; end if;
      end $$`)
    },
    stop: async () => {
      await sql.end()
      await server.stop()
    },
    loseState: async () => {
      await sql.query('delete from millrace.views')
    },
    loseCheckpoint: async (partition) => {
      await sql.query(`delete from millrace.checkpoints where topic || '/' || partition = $1`, [
        partition,
      ])
    },
    setBack: async (partition, next) => {
      await sql.query(
        `update millrace.checkpoints set next = $2 where topic || '/' || partition = $1`,
        [partition, next],
      )
    },
  }
}
