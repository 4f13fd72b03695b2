import { createHash } from 'node:crypto'
import { Client, Pool, type ClientBase, type PoolClient, type QueryResult } from 'pg'
import { describe, MillraceError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import { postgresError, sqlStateOf } from './postgres-errors.ts'

export type PostgresOptions = {
  /** `postgres://user:password@host:port/database`; what is special in a URL is percent-encoded. */
  readonly url: string
  /** Bound of connecting, of one statement, of a wait for a lock, and of a reply. */
  readonly callTimeoutMs: number
  readonly log?: Log
}

export type SqlRow = Readonly<Record<string, unknown>>

/** A statement that has a name is planned once in each connection. */
export type Statement = { readonly name: string; readonly text: string }

/** Runs statements in one transaction. */
export type Transaction = {
  query(text: Statement | string, values?: readonly unknown[]): Promise<QueryResult<SqlRow>>
}

/** Connections of one worker or API process. */
const connectionsMax = 8

/**
 * - Each statement sees what was committed before it began, which is after the locks were granted.
 * - Numbers of floating point are printed whole.
 * - All that is asked for often is found by an index. A plan made while a table was small must not
 *   read all of it once it is large, nor a whole tally of which a few cells are asked for.
 */
const sessionSettings = `set default_transaction_isolation = 'read committed';
  set enable_seqscan = off; set enable_bitmapscan = off; set jit = off;
  set extra_float_digits = 1`

export class PostgresConnection {
  readonly #pool: Pool

  /** Throws `config` when the URL is none; says nothing of what it holds. */
  constructor({ url, callTimeoutMs, log }: PostgresOptions) {
    refuseBadUrl(url)
    this.#pool = new Pool({
      connectionString: url,
      application_name: 'millrace',
      max: connectionsMax,
      connectionTimeoutMillis: callTimeoutMs,
      query_timeout: callTimeoutMs,
      statement_timeout: callTimeoutMs,
      lock_timeout: callTimeoutMs,
      idle_in_transaction_session_timeout: callTimeoutMs * 2,
      keepAlive: true,
      onConnect: (client: ClientBase) => client.query(sessionSettings),
    })
    this.#pool.on('error', (error) => {
      log?.warn({ reason: describe(error) }, 'an idle connection to postgres broke')
    })
  }

  async query(
    text: Statement | string,
    values: readonly unknown[] = [],
  ): Promise<QueryResult<SqlRow>> {
    try {
      return await this.#pool.query<SqlRow>(named(text, values))
    } catch (error) {
      throw postgresError(error, nameOf(text))
    }
  }

  /**
   * Begins with `first`, statements without values such as those that take locks. Rolls back when
   * `work` rejects or answers undefined, and commits otherwise.
   */
  async transaction<T>(
    first: readonly string[],
    work: (transaction: Transaction) => Promise<T | undefined>,
  ): Promise<T | undefined> {
    const client = await this.#connect()
    // A connection that breaks says so here too; without a listener that ends the process.
    client.on('error', ignore)
    let usable = false
    try {
      const transaction = transactionOf(client)
      await transaction.query(['begin', ...first].join(';'))
      const result = await work(transaction)
      await transaction.query(result === undefined ? 'rollback' : 'commit')
      usable = true
      return result
    } catch (error) {
      usable = await rolledBack(client, error)
      throw error
    } finally {
      client.off('error', ignore)
      client.release(!usable)
    }
  }

  async close(): Promise<void> {
    await this.#pool.end()
  }

  async #connect(): Promise<PoolClient> {
    try {
      return await this.#pool.connect()
    } catch (error) {
      throw postgresError(error, 'connect')
    }
  }
}

/** A statement whose name is its own in whatever connection; `label` is for people. */
export function statement(label: string, text: string): Statement {
  return { name: `${label} ${createHash('sha256').update(text).digest('hex').slice(0, 16)}`, text }
}

function ignore(): void {
  // The statement under way rejects with the same error.
}

function transactionOf(client: PoolClient): Transaction {
  return {
    query: async (text, values = []) => {
      try {
        return await client.query<SqlRow>(named(text, values))
      } catch (error) {
        throw postgresError(error, nameOf(text))
      }
    },
  }
}

function named(given: Statement | string, values: readonly unknown[]) {
  const parts = typeof given === 'string' ? { text: given } : given
  return { ...parts, values: [...values] }
}

function nameOf(given: Statement | string): string {
  return typeof given === 'string' ? given.slice(0, 60) : given.name
}

/** A connection whose reply did not come is in the middle of something: it is given up. */
async function rolledBack(client: PoolClient, error: unknown): Promise<boolean> {
  if (error instanceof MillraceError && error.cause && !sqlStateOf(error.cause)) return false
  return client.query('rollback').then(
    () => true,
    () => false,
  )
}

/**
 * What is not encoded in a password can end up in the place of the host or the database, and those
 * stand in messages.
 */
function refuseBadUrl(url: string): void {
  try {
    const { host, database } = new Client({ connectionString: url })
    if (!url.includes('#') && !host.includes('@') && !database?.includes('@')) return
  } catch {
    // The error of the parser quotes the URL.
  }
  throw new MillraceError('config', 'the URL of the Postgres store can not be read', {
    hint:
      'It is postgres://user:password@host:port/database. In the password, ' +
      'write @ as %40, / as %2F, # as %23, : as %3A, ? as %3F and % as %25.',
  })
}
