import { Client } from 'pg'
import { sourceError } from './source-database.ts'
import type { FullPace } from './source.ts'

/** Advisory locks are of one database, so the same two numbers serve every source. */
const lock = '1835823218, 1'

/** Holds the lock with a session of its own; undefined when another session has it. */
export async function takeFullPace(
  url: string,
  callTimeoutMs: number,
): Promise<FullPace | undefined> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: callTimeoutMs,
    query_timeout: callTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    application_name: 'millrace full pace',
  })
  const lost = new AbortController()
  client.on('error', () => lost.abort())
  client.on('end', () => lost.abort())
  try {
    await client.connect()
    // A server that ends idle sessions would end this one.
    await client.query(
      `select set_config(name, '0', false) from pg_settings where name = 'idle_session_timeout'`,
    )
    const { rows } = await client.query<{ taken: boolean }>(
      `select pg_try_advisory_lock(${lock}) as taken`,
    )
    if (rows[0]!.taken) return { lost: lost.signal, release: () => release(client) }
    await client.end()
    return undefined
  } catch (cause) {
    client.end().catch(() => undefined)
    throw sourceError(cause)
  }
}

/** The server may notice only later that a session has ended, so the lock is given back first. */
async function release(client: Client): Promise<void> {
  await client.query('select pg_advisory_unlock_all()').catch(() => undefined)
  await client.end().catch(() => undefined)
}
