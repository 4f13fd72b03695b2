import type { ViewLayout } from '../../mutation.ts'
import type { ViewStore } from '../store.ts'
import { PostgresConnection, type PostgresOptions } from './connection.ts'
import { PostgresCoordination } from './coordination.ts'
import { migrate } from './migrate.ts'
import { PostgresReader } from './reader.ts'
import { ViewTable } from './table.ts'
import { PostgresWriter } from './writer.ts'

export type PostgresStoreOptions = PostgresOptions & { readonly layout: ViewLayout }

/**
 * The view as a table of Postgres, `user_information`, with Millrace's books in the schema
 * `millrace`; both are made where they are missing. Rejects within `callTimeoutMs` when Postgres
 * is away (retriable), and with code `store-newer` or `store-layout` when what is there was made
 * by a newer release or for another declaration.
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<ViewStore> {
  const { layout } = options
  const connection = new PostgresConnection(options, layout.name)
  try {
    await migrate(connection)
    const table = await ViewTable.open(connection, layout)
    return {
      name: 'postgres',
      writer: new PostgresWriter(connection, layout, table),
      reader: new PostgresReader(connection, layout, table),
      coordination: new PostgresCoordination(connection, layout, table),
      close: () => connection.close(),
    }
  } catch (error) {
    await connection.close()
    throw error
  }
}
