import { escapeIdentifier } from 'pg'
import { MillraceError } from '../errors.ts'
import { tablesOf, type View } from '../view/view.ts'
import { replicaIdentityOf } from '../view/replica-identity.ts'
import type { SourceDatabase } from './source-database.ts'

type TableRow = {
  readonly name: string
  readonly identity: 'd' | 'f' | 'i' | 'n'
  readonly key: string[] | null
  readonly published: boolean
}

/**
 * Rejects when the source database is not set up for the view: a table or primary key is missing,
 * a replica identity gives too little, or no publication has the table. The hint is SQL that mends
 * it.
 */
export async function refuseUnfitSource(
  view: View,
  source: SourceDatabase,
  publication: string,
): Promise<void> {
  const rows = await source.query<TableRow>(
    `select relname as name, relreplident as identity,
       (select array_agg(attname::text) from pg_index join pg_attribute
          on attrelid = indrelid and attnum = any (indkey)
         where indrelid = pg_class.oid and indisprimary) as key,
       exists (select from pg_publication_tables
         where pubname = $2 and schemaname = 'public' and tablename = relname) as published
     from pg_class where relnamespace = 'public'::regnamespace and relname = any ($1)`,
    [tablesOf(view), publication],
  )
  const lacking = tablesOf(view).flatMap((table) => {
    const row = rows.find(({ name }) => name === table)
    return row ? lackingIn(view, row, publication) : [[`table ${table} is not there`, '']]
  })
  if (lacking.length === 0) return
  const mend = lacking.flatMap(([, sql]) => sql || [])
  throw new MillraceError(
    'source-unfit',
    `the source database is not set up for view ${view.name}: ` +
      lacking.map(([what]) => what).join('; '),
    { retriable: true, hint: mend.length > 0 ? `Run: ${mend.join(' ')}` : 'Create the tables.' },
  )
}

/** Pairs of what is lacking, and the SQL that mends it. */
function lackingIn(view: View, row: TableRow, publication: string): string[][] {
  const table = escapeIdentifier(row.name)
  const lacking: string[][] = []
  if (!row.key) {
    lacking.push([
      `table ${row.name} has no primary key`,
      `alter table ${table} add primary key (…);`,
    ])
  }
  const needed = replicaIdentityOf(view, row.name, row.key ?? [])
  const enough = row.identity === 'f' || (needed === 'default' && row.identity === 'd')
  if (!enough) {
    lacking.push([
      `the replica identity of ${row.name} gives too little of a changed row`,
      `alter table ${table} replica identity ${needed};`,
    ])
  }
  if (!row.published) {
    const name = escapeIdentifier(publication)
    lacking.push([
      `publication ${publication} does not have table ${row.name}`,
      `alter publication ${name} add table ${table};`,
    ])
  }
  return lacking
}
