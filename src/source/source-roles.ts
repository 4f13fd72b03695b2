/** What of the source's roles decides who may prepare it, read it and capture it. */
import { Client } from 'pg'
import { z } from 'zod'
import { literal } from '../view/sql-text.ts'
import type { SourceDatabase } from './source-database.ts'

/** Who comes in by a URL. */
export type Login = {
  readonly role: string
  readonly password: string | undefined
  readonly host: string
  readonly port: number
  readonly database: string
}

/** What is left out in a URL is what Postgres takes for it. */
export function loginOf(url: string): Login {
  const { user, password, host, port, database } = new Client({ connectionString: url })
  const name = user ?? ''
  return { role: name, password: password || undefined, host, port, database: database ?? name }
}

/** A role that is not there would have the rights that everybody has. */
const roleFacts = z.object({
  exists: z.boolean(),
  mayLogIn: z.boolean(),
  mayConnect: z.boolean(),
  /** May open a replication slot, by its own right or by that of a service that rents databases. */
  mayReplicate: z.boolean(),
  /** Sees what other sessions do. */
  mayReadStats: z.boolean(),
  /** By schema; null for one that is not there. */
  mayUse: z.record(z.string(), z.boolean().nullable()),
})

export type RoleFacts = z.infer<typeof roleFacts>

const answer = z.object({
  database: z.string(),
  /** Through which a service that rents databases lets roles replicate, where it does. */
  replicationRole: z.string().nullable(),
  roles: z.record(z.string(), roleFacts),
})

export type SourceRoles = z.infer<typeof answer>

const rentedRole = literal('rds_replication')

export async function readRoles(
  database: SourceDatabase,
  names: readonly string[],
  schemas: readonly string[],
): Promise<SourceRoles> {
  const list = (texts: readonly string[]) => `array[${texts.map(literal).join(', ')}]::text[]`
  const [[row]] = (await database.run([
    `select json_build_object('database', current_database(),
      'replicationRole', (select rolname from pg_roles where rolname = ${rentedRole}),
      'roles', (select coalesce(json_object_agg(named, json_build_object(
        'exists', r.oid is not null,
        'mayLogIn', coalesce(r.rolcanlogin, false),
        'mayConnect', coalesce(has_database_privilege(r.oid, current_database(), 'connect'),
          has_database_privilege('public', current_database(), 'connect')),
        'mayReplicate', coalesce(r.rolsuper or r.rolreplication or exists (
          select from pg_roles g where g.rolname = ${rentedRole}
            and pg_has_role(r.oid, g.oid, 'member')), false),
        'mayReadStats', coalesce(pg_has_role(r.oid, 'pg_read_all_stats', 'usage'), false),
        'mayUse', (select coalesce(json_object_agg(schema, coalesce(
            has_schema_privilege(r.oid, to_regnamespace(quote_ident(schema))::oid, 'usage'),
            has_schema_privilege('public', to_regnamespace(quote_ident(schema))::oid, 'usage'))), '{}')
          from unnest(${list(schemas)}) schema))), '{}')
        from unnest(${list(names)}) named left join pg_roles r on r.rolname = named))`,
  ])) as [[[unknown]]]
  return answer.parse(row[0])
}
