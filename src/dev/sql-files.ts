import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import { packageFolder } from './folders.ts'
import { userOf } from './urls.ts'

const statementTimeoutMs = 60_000
const connectTimeoutMs = 5_000

/** Runs a file of `sql`, as `['databases', 'views.sql']`. */
export async function runFile(client: Client, ...path: readonly string[]): Promise<void> {
  await client.query(readFileSync(join(packageFolder, 'sql', ...path), 'utf8'))
}

/** Settings of the session, by which SQL files are given names and passwords. */
export async function setForSession(
  client: Client,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [name, value] of Object.entries(settings)) {
    await client.query('select set_config($1, $2, false)', [name, value])
  }
}

/** Makes the role that a URL names, or gives it the URL's password anew. */
export async function makeRole(client: Client, url: string): Promise<void> {
  const [name, password] = userOf(url)
  await setForSession(client, { 'millrace.role': name, 'millrace.password': password })
  await runFile(client, 'databases', 'role.sql')
}

export async function databaseExists(client: Client, name: string): Promise<boolean> {
  const { rowCount } = await client.query('select from pg_database where datname = $1', [name])
  return rowCount !== 0
}

export async function createDatabase(client: Client, name: string, owner: string): Promise<void> {
  const [database, role] = [name, owner].map((each) => client.escapeIdentifier(each))
  await client.query(`create database ${database} owner ${role}`)
}

export type SessionOptions = {
  /** Bound of each statement; 0 is none. */
  readonly statementTimeoutMs?: number
}

/** One session of the database, which ends with `work`. */
export async function withClient<Result>(
  url: string,
  work: (client: Client) => Promise<Result>,
  options: SessionOptions = {},
): Promise<Result> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: options.statementTimeoutMs ?? statementTimeoutMs,
  })
  client.on('error', () => {})
  try {
    await client.connect()
    return await work(client)
  } finally {
    await client.end()
  }
}
