import { DatabaseError, Pool, type QueryResult } from 'pg'
import { MillraceError } from '../errors.ts'

export type SourceDatabaseOptions = {
  /** `postgres://…`, by a role that may read the view's tables and nothing else. */
  readonly url: string
  readonly connectionsMax: number
  /** Bound of one message and its reply. */
  readonly messageTimeoutMs: number
  /** Bound of the wait for a connection, which others may have. */
  readonly connectTimeoutMs: number
}

/** A statement's rows, each an array of columns. */
export type Rows = readonly (readonly unknown[])[]

/**
 * Sessions of the source database. Statements go in one message and are answered in one, so that a
 * transaction is never held open while this process is busy.
 */
export class SourceDatabase {
  readonly #pool: Pool

  constructor(options: SourceDatabaseOptions) {
    this.#pool = new Pool({
      connectionString: options.url,
      max: options.connectionsMax,
      keepAlive: true,
      connectionTimeoutMillis: options.connectTimeoutMs,
      query_timeout: options.messageTimeoutMs,
      // A source that is merely busy says so before it is called away.
      statement_timeout: Math.ceil(options.messageTimeoutMs * 0.75),
      application_name: 'millrace',
    })
    // A connection that breaks while idle is replaced by the pool; the next call tells.
    this.#pool.on('error', () => undefined)
  }

  /**
   * Runs statements one after the other in one session and answers the rows of each. They begin and
   * end their transactions themselves: alone they run in one.
   */
  async run(statements: readonly string[]): Promise<Rows[]> {
    const client = await this.#pool.connect().catch((cause: unknown) => {
      throw sourceError(cause)
    })
    let unacknowledged = false
    const onNotice = ({ routine }: { readonly routine?: string | undefined }) => {
      if (routine === 'SyncRepWaitForLSN') unacknowledged = true
    }
    client.on('notice', onNotice)
    // A connection that breaks says so here too; without a listener that ends the process.
    client.on('error', ignore)
    let failed = true
    try {
      const text = statements.join(';\n')
      const answer: QueryResult<unknown[]> | QueryResult<unknown[]>[] = await client
        .query<unknown[]>({ text, rowMode: 'array' })
        .catch((cause: unknown) => {
          throw sourceError(cause)
        })
      const results = Array.isArray(answer) ? answer : [answer]
      if (results.length !== statements.length) throw new Error('a statement has no answer')
      if (unacknowledged) throw notReplicated()
      failed = false
      return results.map(({ rows }) => rows)
    } finally {
      client.off('notice', onNotice)
      client.off('error', ignore)
      // It may be in the middle of a transaction, or of a reply that comes too late.
      client.release(failed)
    }
  }

  /** The same, with the answers grouped as the statements are. */
  async runGroups(groups: readonly (readonly string[])[]): Promise<Rows[][]> {
    const answers = await this.run(groups.flat())
    let at = 0
    return groups.map(({ length }) => answers.slice(at, (at += length)))
  }

  close(): Promise<void> {
    return this.#pool.end()
  }
}

function ignore(): void {
  // The message under way rejects with the same error.
}

/** Postgres answers with an SQLSTATE when it understood and refused; else it is away. */
export function sourceError(cause: unknown): MillraceError {
  const { code = '', routine } = cause instanceof DatabaseError ? cause : {}
  if (code === '' || /^(08|53|57P|58)/.test(code)) {
    return new MillraceError('source-unavailable', 'the source database does not answer', {
      cause,
      hint: 'Nothing is lost: the views go on where they stood once Postgres is back.',
    })
  }
  // A lock, the time for a statement, a deadlock, or a table that was dropped under the question.
  if (/^(55P03|57014|40|XX000)/.test(code)) {
    return new MillraceError('source-busy', 'the source database had no time for a question', {
      cause,
      hint: 'It is asked again. A migration may hold a lock, or the source may be overloaded.',
    })
  }
  if (code === '55000' && routine === 'pg_current_wal_insert_lsn') {
    return new MillraceError('source-refused', 'the source database is a standby', {
      cause,
      hint: 'Point MILLRACE_SOURCE to the primary: only there a marker can be written.',
    })
  }
  // A syntax error is no fault of the set-up.
  if (/^(42(?!601)|3F)/.test(code)) {
    return new MillraceError('source-unfit', 'the source database is not set up for the view', {
      cause,
      hint: 'Compare its tables, columns and rights with the view, by the role in MILLRACE_SOURCE.',
    })
  }
  return new MillraceError('source-refused', 'the source database refused a statement', {
    cause,
    hint: 'Check role, password and database in MILLRACE_SOURCE.',
  })
}

/** Somebody cancelled a commit that waited for a standby: it is durable here alone. */
function notReplicated(): MillraceError {
  return new MillraceError(
    'source-unavailable',
    'a marker was committed without the standby that synchronous_standby_names asks for',
    { hint: 'It is written again. Look why the standby does not answer.' },
  )
}
