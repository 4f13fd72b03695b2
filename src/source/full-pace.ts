import { Client } from 'pg'
import { sourceError } from './source-database.ts'
import type { FullPace } from './source.ts'

/** Advisory locks are of one database, so the same two numbers serve every source. */
const lock = '1835823218, 1'

/** Views of one process that may go at full pace at once: while one waits for a barrier the other works. */
const holdersMax = 2

/** The right to compare at full pace, which the views of a process share: one process has it at a time. */
export class SharedFullPace {
  readonly #take: () => Promise<FullPace | undefined>
  /** That of the holders, or of those that are about to be. */
  #session: Promise<FullPace | undefined> | undefined
  #holders = 0

  constructor(url: string, callTimeoutMs: number) {
    this.#take = () => takeSession(url, callTimeoutMs)
  }

  /** Undefined when another process has it, or enough views of this one do. */
  async take(): Promise<FullPace | undefined> {
    if (this.#holders === holdersMax) return undefined
    this.#holders += 1
    this.#session ??= this.#take()
    const session = await this.#session.catch(async (error: unknown) => {
      await this.#giveBack()
      throw error
    })
    if (session && !session.lost.aborted) {
      const end = new AbortController()
      const lost = AbortSignal.any([session.lost, end.signal])
      const release = async () => {
        if (end.signal.aborted) return
        end.abort()
        await this.#giveBack()
      }
      return { lost, release }
    }
    await this.#giveBack()
    return undefined
  }

  /** The last one ends the session. */
  async #giveBack(): Promise<void> {
    this.#holders -= 1
    if (this.#holders > 0) return
    const session = this.#session
    this.#session = undefined
    await (await session?.catch(() => undefined))?.release()
  }
}

/**
 * A server that ends idle sessions would end this one. The session of a host that is lost would
 * keep the lock for as long as the server does not miss it: two hours, where nothing else is said.
 * Not every version has all of these.
 */
const settingsText = `select set_config(name, wanted, false) from pg_settings join (values
    ('idle_session_timeout', '0'),
    ('tcp_keepalives_idle', '10s'),
    ('tcp_keepalives_interval', '5s'),
    ('tcp_keepalives_count', '4'),
    ('tcp_user_timeout', '30s')
  ) as of_session (name, wanted) using (name)`

/** Holds the lock with a session of its own; undefined when another session has it. */
async function takeSession(url: string, callTimeoutMs: number): Promise<FullPace | undefined> {
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
    await client.query(settingsText)
    const { rows } = await client.query<{ taken: boolean }>(
      `select pg_try_advisory_lock(${lock}) as taken`,
    )
    if (rows[0]!.taken) return { lost: lost.signal, release: () => endSession(client) }
    await client.end()
    return undefined
  } catch (cause) {
    client.end().catch(() => undefined)
    throw sourceError(cause)
  }
}

/** The server may notice only later that a session has ended, so the lock is given back first. */
async function endSession(client: Client): Promise<void> {
  await client.query('select pg_advisory_unlock_all()').catch(() => undefined)
  await client.end().catch(() => undefined)
}
