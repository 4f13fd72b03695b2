import { createHash } from 'node:crypto'
import { Pool, type PoolClient, type QueryResult } from 'pg'
import { describe } from '../../errors.ts'
import type { Log } from '../../log.ts'
import { postgresError, sqlState } from './postgres-errors.ts'

export type PostgresOptions = {
  /** `postgres://user:password@host:port/database`. */
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
  query(statement: Statement | string, values?: readonly unknown[]): Promise<QueryResult<SqlRow>>
}

/**
 * Who may change a view at the same time: any number that share it, or one alone. The wait is a
 * queue, so that one that wants it alone is not starved by a stream of those that share.
 */
export type Hold = 'shared' | 'alone'

/** Connections of one worker or API process. */
const connectionsMax = 8

export class PostgresConnection {
  readonly #pool: Pool
  readonly #lock: bigint

  constructor({ url, callTimeoutMs, log }: PostgresOptions, view: string) {
    this.#lock = lockNumber(view)
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
    })
    this.#pool.on('error', (error) => {
      log?.warn({ reason: describe(error) }, 'an idle connection to postgres broke')
    })
  }

  async query(
    statement: Statement | string,
    values: readonly unknown[] = [],
  ): Promise<QueryResult<SqlRow>> {
    try {
      return await this.#pool.query<SqlRow>(named(statement, values))
    } catch (error) {
      throw postgresError(error, describeStatement(statement))
    }
  }

  /** What is undefined when `work` answered it is rolled back, all else committed. */
  async change<T>(
    hold: Hold,
    work: (transaction: Transaction) => Promise<T | undefined>,
  ): Promise<T | undefined> {
    const lock = hold === 'shared' ? 'pg_advisory_xact_lock_shared' : 'pg_advisory_xact_lock'
    return this.transaction(`begin; select ${lock}(${this.#lock})`, work)
  }

  async transaction<T>(
    begin: string,
    work: (transaction: Transaction) => Promise<T | undefined>,
  ): Promise<T | undefined> {
    let client: PoolClient | undefined
    let usable = false
    try {
      client = await this.#pool.connect()
      // A connection that breaks says so here too; without a listener that ends the process.
      client.on('error', ignore)
      await client.query(begin)
      const result = await work(statements(client))
      await client.query(result === undefined ? 'rollback' : 'commit')
      usable = true
      return result
    } catch (error) {
      const own = sqlState(error) !== undefined || sqlState(causeOf(error)) !== undefined
      if (own) usable = await rolledBack(client)
      throw postgresError(error, 'transaction')
    } finally {
      // A connection whose reply did not come is in the middle of something: it is given up.
      client?.off('error', ignore)
      client?.release(!usable)
    }
  }

  async close(): Promise<void> {
    await this.#pool.end()
  }
}

function ignore(): void {
  // The statement under way rejects with the same error.
}

function statements(client: PoolClient): Transaction {
  return {
    query: async (statement, values = []) => {
      try {
        return await client.query<SqlRow>(named(statement, values))
      } catch (error) {
        throw postgresError(error, describeStatement(statement))
      }
    },
  }
}

function named(statement: Statement | string, values: readonly unknown[]) {
  const parts = typeof statement === 'string' ? { text: statement } : statement
  return { ...parts, values: [...values] }
}

async function rolledBack(client: PoolClient | undefined): Promise<boolean> {
  return (
    client?.query('rollback').then(
      () => true,
      () => false,
    ) ?? false
  )
}

function causeOf(error: unknown): unknown {
  return (Object(error) as { cause?: unknown }).cause
}

function describeStatement(statement: Statement | string): string {
  return typeof statement === 'string' ? statement.slice(0, 60) : statement.name
}

/** A number for `pg_advisory_lock` that no other view has. */
export function lockNumber(name: string): bigint {
  return createHash('sha256').update(`millrace:${name}`).digest().readBigInt64BE()
}
