/** What the source's catalog says of tables and a publication, for `setup-faults.ts` to judge. */
import { z } from 'zod'
import { literal } from '../view/sql-text.ts'
import { namedTables } from './named-tables.ts'
import { partitionsSql } from './partitions.ts'
import type { SourceDatabase } from './source-database.ts'

const server = z.object({
  inRecovery: z.boolean(),
  version: z.number(),
  walLevel: z.string(),
  encoding: z.string(),
  /** Whose rights these are. */
  role: z.string(),
  /** By schema; null for one that is not there. */
  mayUse: z.record(z.string(), z.boolean().nullable()),
})

const relation = z.object({
  /** With its schema, quoted. */
  name: z.string(),
  /** As in `pg_class.relkind`: `r` table, `p` partitioned table, `f` foreign table. */
  kind: z.string(),
  /** As in `pg_class.relpersistence`: `p`, `u` unlogged, `t` temporary. */
  persistence: z.string(),
  /** As in `pg_class.relreplident`: `f` full, `d` default, `i` index, `n` nothing. */
  identity: z.string(),
})

const column = z.object({
  /** Of a domain, the type beneath it. */
  type: z.object({
    name: z.string(),
    full: z.string(),
    kind: z.string(),
    element: z.object({ name: z.string(), kind: z.string() }).nullable(),
  }),
  generated: z.boolean(),
  deterministic: z.boolean(),
  /** By name; null for a type that has none. */
  collation: z.string().nullable(),
  /** As an SQL identifier where it has to be quoted. */
  quoted: z.string(),
})

const index = z.object({
  /** What it is ordered by: null for an expression. */
  columns: z.array(z.string().nullable()),
  /** Of each column; null for one that has none. */
  collations: z.array(z.string().nullable()),
})

const table = relation.extend({
  mayRead: z.boolean(),
  rowSecurity: z.boolean(),
  /** Other tables inherit from it. */
  inherited: z.boolean(),
  primaryKey: z.object({ columns: z.array(z.string()), deferrable: z.boolean() }).nullable(),
  columns: z.record(z.string(), column),
  /** Conditions of check constraints that every row holds to. */
  checks: z.array(z.string()),
  /** The table itself, or the partitions that hold its rows. */
  parts: z.array(relation),
  /** Those that any query can use. */
  indexes: z.array(index),
  /** Names of those that were left unfinished, or are being built. */
  unfinished: z.array(z.string()),
})

const publication = z.object({
  insert: z.boolean(),
  update: z.boolean(),
  delete: z.boolean(),
  viaRoot: z.boolean(),
  tables: z.record(z.string(), z.object({ columns: z.array(z.string()), filtered: z.boolean() })),
  /** Partitioned tables in it that were not asked about. */
  othersParted: z.array(z.string()),
})

const facts = z.object({
  server,
  /** By name; those that are not there are missing. */
  tables: z.record(z.string(), table),
  publication: publication.nullable(),
})

export type SetupFacts = z.infer<typeof facts>
export type TableFacts = z.infer<typeof table>

/** The first release with the catalogs that are read here, column lists and row filters. */
export const oldestVersion = 150_000

export type FactsAsked = {
  readonly tables: readonly string[]
  readonly publication: string
  /** Whose rights are asked for; left out, those of the role that asks. */
  readonly role?: string | undefined
}

export async function readFacts(
  database: SourceDatabase,
  { tables, publication: publicationName, role }: FactsAsked,
): Promise<SetupFacts> {
  const who = role === undefined ? 'current_user' : literal(role)
  const [[serverRow]] = (await database.run([`select ${serverSql(tables, who)}`])) as [
    [[{ version: number }]],
  ]
  const known = { server: serverRow[0], tables: {}, publication: null }
  if (known.server.version < oldestVersion) return facts.parse(known)
  const [[tableRow], [publicationRow]] = (await database.run([
    tablesSql(tables, who),
    publicationSql(tables, publicationName),
  ])) as [[[unknown]], [[unknown]?]]
  return facts.parse({ ...known, tables: tableRow[0], publication: publicationRow?.[0] ?? null })
}

/** One that is not there would have the rights that everybody has. */
const roleSql = (who: string) => `(select oid from pg_roles where rolname = ${who})`

const serverSql = (tables: readonly string[], who: string) => `json_build_object(
  'inRecovery', pg_is_in_recovery(),
  'version', current_setting('server_version_num')::int,
  'walLevel', current_setting('wal_level'),
  'encoding', current_setting('server_encoding'),
  'role', ${who}::text,
  'mayUse', (select json_object_agg(schema,
      coalesce(has_schema_privilege(${roleSql(who)}, to_regnamespace(quote_ident(schema))::oid, 'usage'),
        has_schema_privilege('public', to_regnamespace(quote_ident(schema))::oid, 'usage')))
    from (select distinct schema from ${namedTables(tables)}) s))`

const relationSql = (row: string) => `
  'name', (select format('%I.%I', nspname, ${row}.relname) from pg_namespace n
    where n.oid = ${row}.relnamespace),
  'kind', ${row}.relkind, 'persistence', ${row}.relpersistence, 'identity', ${row}.relreplident`

/** As Postgres judges it, which answers for the role that asks alone. */
const rowSecuritySql = (who: string) => `t.relrowsecurity and not exists (select from pg_roles r
      where r.rolname = ${who} and (r.rolsuper or r.rolbypassrls
        or not t.relforcerowsecurity and pg_has_role(r.oid, t.relowner, 'usage')))`

/** Without those that serve some rows only, or are not finished. */
const indexesSql = `(select coalesce(json_agg(json_build_object(
      'columns', (select json_agg(a.attname order by k.at)
        from unnest(i.indkey) with ordinality k(number, at)
        left join pg_attribute a on a.attrelid = t.oid and a.attnum = k.number and k.number > 0
        where k.at <= i.indnkeyatts),
      'collations', (select json_agg(c.collname order by k.at)
        from unnest(i.indcollation) with ordinality k(id, at)
        left join pg_collation c on c.oid = k.id where k.at <= i.indnkeyatts))), '[]')
    from pg_index i join pg_class x on x.oid = i.indexrelid join pg_am m on m.oid = x.relam
    where i.indrelid = t.oid and i.indisvalid and i.indpred is null and m.amname = 'btree')`

function tablesSql(names: readonly string[], who: string): string {
  return `select coalesce(json_object_agg(named.id, json_build_object(${relationSql('t')},
    'mayRead', coalesce(has_table_privilege(${roleSql(who)}, t.oid, 'select'),
      has_table_privilege('public', t.oid, 'select')),
    'rowSecurity', ${rowSecuritySql(who)},
    'indexes', ${indexesSql},
    'unfinished', (select coalesce(json_agg(i.indexrelid::regclass::text), '[]') from pg_index i
      where i.indrelid = t.oid and not i.indisvalid),
    'inherited', exists (select from pg_inherits i join pg_class child on child.oid = i.inhrelid
      where i.inhparent = t.oid and not child.relispartition),
    'primaryKey', (select json_build_object('deferrable', not indimmediate, 'columns',
        (select json_agg(attname order by attnum) from pg_attribute
          where attrelid = t.oid and attnum = any(indkey)))
      from pg_index where indrelid = t.oid and indisprimary),
    'columns', (select coalesce(json_object_agg(attname, json_build_object(
        'type', ${baseTypeSql}, 'quoted', quote_ident(attname),
        'generated', attgenerated <> '',
        'deterministic', coalesce((select collisdeterministic from pg_collation c
          where c.oid = attcollation), true),
        'collation', (select collname from pg_collation c where c.oid = attcollation))), '{}')
      from pg_attribute where attrelid = t.oid and attnum > 0 and not attisdropped),
    'checks', (select coalesce(json_agg(pg_get_expr(conbin, conrelid)), '[]') from pg_constraint
      where conrelid = t.oid and contype = 'c' and convalidated and not connoinherit),
    'parts', (select coalesce(json_agg(json_build_object(${relationSql('part')}) order by part.oid), '[]')
      from pg_class part where part.relkind <> 'p' and (part.oid = t.oid
        or t.relkind = 'p' and part.oid in ${partitionsSql('t.oid')})))), '{}')
    from ${namedTables(names)}
    join pg_class t on t.relname = named.name and t.relnamespace = to_regnamespace(quote_ident(schema))
      and t.relkind in ('r', 'p', 'v', 'm', 'f')`
}

const baseTypeSql = `(with recursive base(type, modifier, beneath) as (
    select oid, case typtype when 'd' then typtypmod else atttypmod end, typbasetype
      from pg_type where oid = atttypid
    union all select t.oid, case t.typtype when 'd' then t.typtypmod else modifier end, t.typbasetype
      from base join pg_type t on t.oid = beneath)
  select json_build_object('name', format_type(type, null), 'full', format_type(type, modifier),
      'kind', t.typtype, 'element', (select json_build_object(
        'name', format_type(e.oid, null), 'kind', e.typtype)
        from pg_type e where e.oid = t.typelem and t.typcategory = 'A'))
    from base join pg_type t on t.oid = type where beneath = 0)`

function publicationSql(names: readonly string[], name: string): string {
  return `select json_build_object('insert', pubinsert, 'update', pubupdate, 'delete', pubdelete,
      'viaRoot', pubviaroot, 'tables', (
        select coalesce(json_object_agg(named.id, json_build_object('columns', attnames,
          'filtered', rowfilter is not null)), '{}')
        from pg_publication_tables v join ${namedTables(names)}
          on v.schemaname = named.schema and v.tablename = named.name
        where v.pubname = p.pubname),
      'othersParted', (select coalesce(json_agg(format('%I.%I', v.schemaname, v.tablename)), '[]')
        from pg_publication_tables v join pg_namespace n on n.nspname = v.schemaname
        join pg_class c on c.relname = v.tablename and c.relnamespace = n.oid
        where v.pubname = p.pubname and (c.relkind = 'p' or c.relispartition) and not exists (
          select from ${namedTables(names)} join pg_class t on t.relname = named.name
            and t.relnamespace = to_regnamespace(quote_ident(named.schema))
          where c.oid in ${partitionsSql('t.oid')})))
    from pg_publication p where p.pubname = ${literal(name)}`
}
