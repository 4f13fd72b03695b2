import { Client, DatabaseError } from 'pg'
import { backoff, systemClock, type Clock } from '../clock.ts'
import { describe, MillraceError } from '../errors.ts'
import { operation, type Operation, type Weights } from './operations.ts'
import type { Population } from './population.ts'
import type { Random } from '../random.ts'
import { statements } from './statements.ts'
import { Tally } from './tally.ts'

export type WorkloadOptions = {
  readonly random: Random
  readonly population: Population
  readonly weights: Weights
  /** Rows changed per second, by intention; undefined is as fast as it goes. */
  readonly rate: number | undefined
  readonly connections: number
  /** Ends at whichever comes first. */
  readonly signal: AbortSignal
  readonly operationsMax?: number
  readonly clock?: Clock
  /** Told how it stands as it goes on; the caller reads it when it likes. */
  readonly tally?: Tally
}

/** What may stand between two tries of a transaction that others were in the way of. */
const triesMax = 5
const connectionLimits = {
  application_name: 'millrace-traffic',
  connectionTimeoutMillis: 5_000,
  statement_timeout: 10_000,
  lock_timeout: 5_000,
  idle_in_transaction_session_timeout: 10_000,
}

/**
 * Lets the population live in the database at `url`, evenly paced from the intended times, until
 * `signal` aborts or `operationsMax` were done. A connection that is lost is made again; rejects
 * when the database refuses what no patience mends.
 */
export async function runWorkload(url: string, options: WorkloadOptions): Promise<Tally> {
  const { tally = new Tally(), clock = systemClock } = options
  const pace = new Pace(options, clock, tally)
  const failed = new AbortController()
  const signal = AbortSignal.any([options.signal, failed.signal])
  const actors = Array.from({ length: options.connections }, async () => {
    try {
      await act(url, { pace, tally, clock, signal })
    } catch (error) {
      failed.abort()
      throw error
    }
  })
  const results = await Promise.allSettled(actors)
  for (const result of results) if (result.status === 'rejected') throw result.reason
  return tally
}

type Actor = {
  readonly pace: Pace
  readonly tally: Tally
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** One connection after another, for as long as there is something to do. */
async function act(url: string, actor: Actor): Promise<void> {
  const { tally, clock, signal } = actor
  const pauses = backoff(100, 3_000)
  while (!signal.aborted) {
    const client = new Client({ connectionString: url, ...connectionLimits })
    client.on('error', () => undefined)
    try {
      await client.connect()
      pauses.reset()
      return await actOver(client, actor)
    } catch (error) {
      if (!isPassing(error)) throw refusal(error)
      tally.lost(describe(error))
      await clock.sleep(pauses.nextMs(), signal)
    } finally {
      await client.end().catch(() => undefined)
    }
  }
}

async function actOver(client: Client, { pace, tally, signal }: Actor): Promise<void> {
  for (let next = await pace.next(signal); next; next = await pace.next(signal)) {
    const rows = await attempt(client, next, tally)
    pace.corrected(next.rowsExpected - rows)
    tally.done(next.kind, rows)
  }
}

/** Rows changed, 0 when somebody was in the way to the end; rejects when the connection is gone. */
async function attempt(client: Client, next: Operation, tally: Tally): Promise<number> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await perform(client, next)
    } catch (error) {
      const outcome = outcomeOf(error)
      if (outcome === 'fatal') throw error
      if (next.steps[0]?.name === 'begin') await client.query(statements.rollback)
      if (outcome === 'refused' || tries === triesMax) {
        tally.refused(describe(error))
        return 0
      }
      tally.retried()
    }
  }
}

/** Rows changed by what was committed. */
async function perform(client: Client, { steps }: Operation): Promise<number> {
  let rows = 0
  let rowsAtSavepoint = 0
  for (const { name, values } of steps) {
    const answer = await client.query({ name, text: statements[name], values: values.map(plain) })
    if (name === 'savepoint') rowsAtSavepoint = rows
    else if (name === 'rollbackToSavepoint') rows = rowsAtSavepoint
    else if (name === 'rollback') rows = 0
    else if (name.startsWith('cascade')) rows += Number(answer.rows[0]?.rows ?? 0)
    else rows += answer.command === 'COMMIT' ? 0 : (answer.rowCount ?? 0)
  }
  return rows
}

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  return typeof value === 'bigint' ? String(value) : value
}

/** Hands out operations, each at the time at which the rows before it should have been changed. */
class Pace {
  readonly #options: WorkloadOptions
  readonly #clock: Clock
  readonly #tally: Tally
  readonly #beganMs: number
  #rows = 0
  #operations = 0

  constructor(options: WorkloadOptions, clock: Clock, tally: Tally) {
    this.#options = options
    this.#clock = clock
    this.#tally = tally
    this.#beganMs = clock.monotonicMs()
  }

  async next(signal: AbortSignal): Promise<Operation | undefined> {
    const { operationsMax = Infinity, random, population, weights, rate } = this.#options
    if (signal.aborted || this.#operations >= operationsMax) return undefined
    this.#operations += 1
    const next = operation(random, population, weights)
    if (rate !== undefined) {
      const dueMs = this.#beganMs + (this.#rows / rate) * 1_000
      this.#rows += next.rowsExpected
      const earlyMs = dueMs - this.#clock.monotonicMs()
      if (earlyMs > 1) await this.#clock.sleep(earlyMs, signal)
      this.#tally.behind(Math.max(0, -earlyMs))
    }
    return signal.aborted ? undefined : next
  }

  /** Rows that were expected and not changed are made up for. */
  corrected(missing: number): void {
    this.#rows -= missing
  }
}

/** Deadlocks and serialization are tried again; what the rules of the tables refuse is not. */
function outcomeOf(error: unknown): 'retry' | 'refused' | 'fatal' {
  const code = codeOf(error)
  if (code === '40P01' || code === '40001') return 'retry'
  return ['23503', '23505', '57014', '55P03'].includes(code) ? 'refused' : 'fatal'
}

/** The connection or the server went away, or has just come back. */
function isPassing(error: unknown): boolean {
  const code = codeOf(error)
  if (/^(?:08|57P|53300|25P03|25006)/.test(code)) return true
  if (/^E(?:CONN|PIPE|TIMEDOUT|HOST|NET)/.test(code)) return true
  const gone = /connection|not queryable|timeout expired/i
  return error instanceof Error && !(error instanceof DatabaseError) && gone.test(error.message)
}

function refusal(error: unknown): unknown {
  if (!(error instanceof DatabaseError)) return error
  return new MillraceError('traffic', `the source refused the traffic: ${error.message}`, {
    cause: error,
    hint: 'Is the role one that may write users, tweets, follows and likes? Are they all there?',
  })
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''
}
