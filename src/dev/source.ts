import type { Client } from 'pg'
import { MillraceError } from '../errors.ts'
import { sourceDatabase } from './chain-env.ts'
import type { Passwords } from './passwords.ts'
import { createDatabase, runFile, setForSession, withClient } from './sql-files.ts'
import { inDatabase } from './urls.ts'

const sourceVersion = 2

export type SetUpSourceOptions = {
  /** Fills the tables with a small network when there is no user at all. */
  readonly seed: boolean
}

/**
 * Roles, database, tables, replica identities and publication, by the SQL under `sql/source`.
 * `admin` is a superuser's URL. May be run again at any time.
 */
export async function setUpSource(
  admin: string,
  passwords: Pick<Passwords, 'app' | 'capture' | 'millrace'>,
  options: SetUpSourceOptions,
): Promise<void> {
  await withClient(admin, async (client) => {
    await setForSession(client, {
      'millrace.app_password': passwords.app,
      'millrace.capture_password': passwords.capture,
      'millrace.source_password': passwords.millrace,
    })
    await runFile(client, 'source', '1-roles.sql')
    await createDatabase(client, sourceDatabase, 'millrace_app')
  })
  await withClient(inDatabase(admin, sourceDatabase), async (client) => {
    await refuseNewer(client)
    await runFile(client, 'source', '2-schema.sql')
    await runFile(client, 'source', '3-capture.sql')
    if (options.seed) await seed(client)
  })
}

async function seed(client: Client): Promise<void> {
  const { rows } = await client.query<{ any: boolean }>(
    'select exists (select from public.users) as any',
  )
  if (rows[0]?.any === true) return
  await client.query('begin')
  await client.query('set local role millrace_app')
  await runFile(client, 'source', 'seed.sql')
  await client.query('commit')
}

async function refuseNewer(client: Client): Promise<void> {
  const found = await client.query<{ name: string | null }>(
    `select to_regclass('millrace.source_version')::text as name`,
  )
  if (found.rows[0]?.name == null) return
  const { rows } = await client.query<{ version: number | null }>(
    'select max(version) as version from millrace.source_version',
  )
  const version = rows[0]?.version ?? 0
  if (version <= sourceVersion) return
  throw new MillraceError('source-newer', `the source database was set up by a newer release`, {
    hint: `It has version ${version}, this release knows ${sourceVersion}: use the newer one.`,
  })
}
