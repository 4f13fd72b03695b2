import type { PostgresConnection } from './connection.ts'
import type { EntryTable } from './entry-table.ts'
import type { ViewLocks } from './locks.ts'

/** What every part of the store knows of its view. */
export type ViewParts = {
  readonly connection: PostgresConnection
  readonly view: string
  readonly table: EntryTable
  readonly locks: ViewLocks
}
