import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import { MillraceError } from '../errors.ts'
import { cloneFolder } from './folders.ts'

/** Passwords of the roles that the source database knows. */
export type Passwords = {
  /** The superuser's, for the set-up alone. */
  readonly postgres: string
  readonly app: string
  readonly capture: string
  readonly millrace: string
}

export const sourceDatabase = 'millrace'
/** Where the Postgres store keeps its views when it shares the cluster. */
export const viewsDatabase = 'millrace_views'
const sourceVersion = 1
const statementTimeoutMs = 60_000

export function newPasswords(): Passwords {
  const password = () => randomBytes(18).toString('hex')
  return { postgres: password(), app: password(), capture: password(), millrace: password() }
}

export type SetUpSourceOptions = {
  /** Fills the tables with a small network when there is no user at all. */
  readonly seed: boolean
}

/**
 * Roles, databases, tables, replica identities and publication, by the SQL under `sql/source`.
 * `admin` is a superuser's URL. May be run again at any time.
 */
export async function setUpSource(
  admin: string,
  passwords: Omit<Passwords, 'postgres'>,
  options: SetUpSourceOptions,
): Promise<void> {
  await withClient(admin, async (client) => {
    await client.query(
      `select set_config('millrace.app_password', $1, false),
              set_config('millrace.capture_password', $2, false),
              set_config('millrace.password', $3, false)`,
      [passwords.app, passwords.capture, passwords.millrace],
    )
    await runFile(client, '1-roles.sql')
    await createDatabase(client, sourceDatabase, 'millrace_app')
    await createDatabase(client, viewsDatabase, 'millrace')
  })
  await withClient(inDatabase(admin, sourceDatabase), async (client) => {
    await refuseNewer(client)
    await runFile(client, '2-schema.sql')
    await runFile(client, '3-capture.sql')
    if (options.seed) await seed(client)
  })
}

/** The same server by another role or another database. */
export function inDatabase(url: string, database: string, role?: [string, string]): string {
  const changed = new URL(url)
  changed.pathname = `/${database}`
  if (role !== undefined) [changed.username, changed.password] = role
  return changed.href
}

async function seed(client: Client): Promise<void> {
  const { rows } = await client.query<{ any: boolean }>(
    'select exists (select from public.users) as any',
  )
  if (rows[0]?.any === true) return
  await client.query('begin')
  await client.query('set local role millrace_app')
  await runFile(client, 'seed.sql')
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

async function createDatabase(client: Client, name: string, owner: string): Promise<void> {
  const { rowCount } = await client.query('select from pg_database where datname = $1', [name])
  if (rowCount === 0) await client.query(`create database ${name} owner ${owner}`)
}

async function runFile(client: Client, name: string): Promise<void> {
  await client.query(readFileSync(join(cloneFolder, 'sql', 'source', name), 'utf8'))
}

async function withClient(url: string, work: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: 5_000,
    statement_timeout: statementTimeoutMs,
  })
  client.on('error', () => {})
  try {
    await client.connect()
    await work(client)
  } finally {
    await client.end()
  }
}
