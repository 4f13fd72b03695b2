import type { StoreFault } from '../store.ts'
import type { PostgresConnection } from './connection.ts'
import type { EntryTable } from './entry-table.ts'

/** A worker makes what is missing, and alters the view's table when a declaration has more. */
export async function postgresFaults(
  connection: PostgresConnection,
  table: EntryTable,
): Promise<readonly StoreFault[]> {
  const { rows } = await connection.query(
    `select current_user::text as role, current_schema()::text as schema,
       has_schema_privilege(current_schema(), 'create') as "mayCreate",
       (select pg_has_role(current_user, relowner, 'usage') from pg_class
         where oid = to_regclass($1)) as owns`,
    [table.name],
  )
  const { role, schema, mayCreate, owns } = rows[0]!
  if (owns === false) {
    return [
      {
        what: `Postgres: role ${String(role)} does not own ${table.name}, and so can't keep it`,
        cure: `alter table ${table.name} owner to ${String(role)};`,
      },
    ]
  }
  if (owns === true || mayCreate === true) return []
  const cure = `grant usage, create on schema ${String(schema)} to ${String(role)};`
  return [{ what: `Postgres: role ${String(role)} may create nothing in ${String(schema)}`, cure }]
}
