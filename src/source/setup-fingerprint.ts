import { literal } from '../view/sql-text.ts'
import { namedTables } from './named-tables.ts'
import { partitionsSql } from './partitions.ts'

/** What the connector reads the log by. */
export type Capture = {
  readonly publication: string
  readonly slot: string
}

/**
 * SQL for what of the set-up, altered for a moment, could have kept changes from the log or made
 * values of what it did not tell. A JSON object of one form, so that equal texts are equal set-ups:
 *
 * - `tables`, by name, null where there is none: `oid`; `files`, the file nodes of the table and its
 *   partitions by oid, which TRUNCATE and rewriting change; `identities`, for each of them the
 *   replica identity, the oids of its indexes and the id of the transaction that wrote its row in
 *   pg_class last, for an identity that is altered and put back leaves no other trace; `columns`
 *   with number and type, for a name can pass from one column to another.
 * - `publication`, null where there is none: its row, and the rows that put these tables or their
 *   schema into it, each with the transaction that wrote it.
 * - `slot`, null where there is none.
 * - `unique`, by table: columns of its unique indexes, and of its partitions', but the primary key's.
 *
 * ANALYZE and VACUUM write to pg_class in place and change nothing of this. Added columns, granted
 * rights and new triggers do, and can't be told from an altered identity.
 */
export function fingerprintSql(tables: readonly string[], { publication, slot }: Capture): string {
  const names = namedTables(tables)
  return `(select jsonb_build_object(
    'tables', (${tablesSql(names)}),
    'publication', (${publicationSql(names, literal(publication))}),
    'slot', (select jsonb_build_object('plugin', plugin, 'database', database,
        'temporary', temporary, 'lost', wal_status is not distinct from 'lost')
      from pg_replication_slots where slot_name = ${literal(slot)}),
    'unique', (${uniqueSql(names)})
  )::text)`
}

/** The transaction that wrote a row of the catalog. */
const writtenBy = (row: string) => `${row}.xmin::text::bigint`

/** Joins the table that is named so. */
const namedTable = `t.relname = named.name and t.relnamespace = to_regnamespace(quote_ident(named.schema))
    and t.relkind in ('r', 'p')`

function tablesSql(names: string): string {
  const identity = `jsonb_build_array(m.relreplident, ${writtenBy('m')},
    (select jsonb_agg(indexrelid::bigint order by indexrelid) from pg_index
      where indrelid = m.oid and (indisprimary or indisreplident)))`
  return `select coalesce(jsonb_object_agg(named.id, case when t.oid is not null then
      jsonb_build_object('oid', t.oid::bigint,
        'files', (select jsonb_object_agg(m.oid, pg_relation_filenode(m.oid)::bigint) ${members}),
        'identities', (select jsonb_object_agg(m.oid, ${identity}) ${members}),
        'columns', (select jsonb_object_agg(attname, jsonb_build_array(attnum, atttypid::bigint, atttypmod))
          from pg_attribute where attrelid = t.oid and attnum > 0 and not attisdropped))
    end), '{}')
    from ${names} left join pg_class t on ${namedTable}`
}

function uniqueSql(names: string): string {
  return `select coalesce(jsonb_object_agg(named.id, (
        select coalesce(jsonb_agg(distinct a.attname order by a.attname), '[]')
        from pg_index i
        join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
        where i.indisunique and not i.indisprimary and i.indrelid in ${partitionsSql('t.oid')})), '{}')
    from ${names} join pg_class t on ${namedTable}`
}

/** A table and all its partitions. */
const members = `from pg_class m where m.oid in ${partitionsSql('t.oid')}`

function publicationSql(names: string, publication: string): string {
  return `select jsonb_build_object(
      'row', to_jsonb(p) || jsonb_build_object('xmin', ${writtenBy('p')}),
      'tables', (select jsonb_object_agg(named.id, (
          select jsonb_agg(jsonb_build_array(r.oid::bigint, r.prrelid::bigint, ${writtenBy('r')}) order by r.oid)
          from pg_publication_rel r where r.prpubid = p.oid
            and (r.prrelid in ${partitionsSql('t.oid')}
              or r.prrelid in (select relid from pg_partition_ancestors(t.oid)))))
        from ${names} join pg_class t on ${namedTable}),
      'schemas', (select jsonb_agg(jsonb_build_array(n.oid::bigint, n.pnnspid::bigint, ${writtenBy('n')}) order by n.oid)
        from pg_publication_namespace n where n.pnpubid = p.oid and n.pnnspid in (
          select to_regnamespace(quote_ident(named.schema)) from ${names})))
    from pg_publication p where p.pubname = ${publication}`
}
