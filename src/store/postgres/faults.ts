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
       array(select name from unnest($1::text[]) as name join pg_class on oid = to_regclass(name)
         where not pg_has_role(current_user, relowner, 'usage')) as foreign,
       to_regclass($2) is not null as there`,
    [[table.name, table.cells.name], table.name],
  )
  const { role, schema, mayCreate, foreign, there } = rows[0]!
  const faults = (foreign as readonly string[]).map((name) => ({
    what: `Postgres: role ${String(role)} does not own ${name}, and so can't keep it`,
    cure: `alter table ${name} owner to ${String(role)};`,
  }))
  if (faults.length > 0 || there === true || mayCreate === true) return faults
  const cure = `grant usage, create on schema ${String(schema)} to ${String(role)};`
  return [{ what: `Postgres: role ${String(role)} may create nothing in ${String(schema)}`, cure }]
}
