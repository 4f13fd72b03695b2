import type { NamedPart } from '../../mutation.ts'
import type { ViewStore } from '../store.ts'
import { PostgresAudit } from './audit.ts'
import { PostgresConnection, type PostgresOptions } from './connection.ts'
import { PostgresCoordination } from './coordination.ts'
import { EntryTable } from './entry-table.ts'
import { PostgresKeeping } from './keeping.ts'
import { locksOf } from './locks.ts'
import { migrate, requireSchema } from './migrate.ts'
import { postgresFaults } from './faults.ts'
import { PostgresReader } from './reader.ts'
import { PostgresTallies } from './tallies.ts'
import { PostgresWatchable } from './watchable.ts'
import { PostgresWriter } from './writer.ts'

export type PostgresStoreOptions = PostgresOptions & {
  readonly view: { readonly name: string; readonly key: readonly NamedPart[] }
  /** For a role that may read and nothing else: nothing is created, migrated or altered. */
  readonly readOnly?: boolean
}

/**
 * The view as a table of Postgres, `user_information`, its tallies in `user_information_cells`, and
 * Millrace's books in the schema `millrace`; all are made where they are missing, unless `readOnly`.
 *
 * Rejects within `callTimeoutMs` with `store-away` when Postgres is away, `config` for a URL that
 * can't be read, `store-newer` when a newer release was here, and `store-layout` when the table is
 * not one of this view, or when a reader finds no books, or those of an older release.
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<ViewStore> {
  const { view, readOnly = false } = options
  const connection = new PostgresConnection(options)
  try {
    await (readOnly ? requireSchema(connection) : migrate(connection))
    const table = await EntryTable.open({ connection, view: view.name, key: view.key, readOnly })
    const parts = { connection, view: view.name, table, locks: locksOf(view.name) }
    return {
      name: 'postgres',
      watchable: new PostgresWatchable(parts),
      coordination: new PostgresCoordination(parts),
      reader: (layout, served) => new PostgresReader(parts, layout, served),
      writer: (layout) => new PostgresWriter(parts, layout),
      audit: (layout) => new PostgresAudit(parts, layout),
      tallies: (layout) => new PostgresTallies(parts, layout),
      keeping: (layout) => new PostgresKeeping(parts, layout),
      faults: () => postgresFaults(connection, table),
      close: () => connection.close(),
    }
  } catch (error) {
    await connection.close()
    throw error
  }
}
