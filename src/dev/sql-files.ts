import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import { packageFolder } from './folders.ts'

const statementTimeoutMs = 60_000
const connectTimeoutMs = 5_000

/** Runs a file of `sql`, as `['source', '1-roles.sql']`. */
export async function runFile(client: Client, ...path: readonly string[]): Promise<void> {
  await client.query(readFileSync(join(packageFolder, 'sql', ...path), 'utf8'))
}

/** Settings of the session, by which SQL files are given passwords. */
export async function setForSession(
  client: Client,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [name, value] of Object.entries(settings)) {
    await client.query('select set_config($1, $2, false)', [name, value])
  }
}

export async function createDatabase(client: Client, name: string, owner: string): Promise<void> {
  const { rowCount } = await client.query('select from pg_database where datname = $1', [name])
  if (rowCount === 0) await client.query(`create database ${name} owner ${owner}`)
}

/** One session of the database, which ends with `work`. */
export async function withClient(
  url: string,
  work: (client: Client) => Promise<void>,
): Promise<void> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: connectTimeoutMs,
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
