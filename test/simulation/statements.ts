/** What a statement of an application does to one row. */
import type { Row } from '../../src/change.ts'
import type { Transaction } from './database.ts'
import { nameOf, primaryKeyOf } from './tables.ts'
import type { World } from './world.ts'

/** Inserts the row, or updates it where it is. */
export function put(
  { database }: World,
  transaction: Transaction,
  table: string,
  after: Row,
): void {
  const name = nameOf(primaryKeyOf(table, after))
  if (!database.canWrite(transaction, table, name)) return
  const before = database.rowIn(transaction, table, name)
  database.write(transaction, table, { before, after })
}

export function remove(
  { database }: World,
  transaction: Transaction,
  table: string,
  key: Row,
): void {
  const name = nameOf(key)
  const before = database.rowIn(transaction, table, name)
  if (!before || !database.canWrite(transaction, table, name)) return
  database.write(transaction, table, { before, after: undefined })
}
