/** Statements that change the source: each waits for a lock for a short while only, and says for whom. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Client, DatabaseError } from 'pg'
import { describe, MillraceError } from '../errors.ts'
import { sourceError } from '../source/source-database.ts'

export type Statement = {
  readonly shown: string
  /** What is sent where that must not be shown: it has a password in it. */
  readonly sent?: string
  /** Why only a person can run it. */
  readonly byHand?: string
}

/** Statements that do one thing, which people read of. */
export type SourceStep = {
  readonly what: string
  readonly statements: readonly Statement[]
  readonly needs?: string
}

/** Whoever comes after a statement that waits for a lock waits as well. */
const lockTimeoutMs = 2_000
const triesMax = 4
const pauseMs = 1_000
const watchEveryMs = 500
const progressEveryMs = 5_000

/** Throws `source-refused`, `source-busy` with who held it up, or what `sourceError` makes of it. */
export async function runStatements(
  url: string,
  statements: readonly Statement[],
  doing: Doing,
): Promise<void> {
  const [client, watcher] = await Promise.all([connected(url), connected(url)])
  const cancel = () => {
    watcher.query('select pg_cancel_backend($1)', [processIdOf(client)]).catch(() => undefined)
  }
  doing.signal?.addEventListener('abort', cancel)
  try {
    for (const statement of statements) await runOne(client, watcher, { ...doing, statement })
  } finally {
    doing.signal?.removeEventListener('abort', cancel)
    await Promise.allSettled([client.end(), watcher.end()])
  }
}

async function connected(url: string): Promise<Client> {
  const client = new Client({ connectionString: url, application_name: 'millrace apply' })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return client
  } catch (error) {
    throw sourceError(error)
  }
}

export type Doing = {
  /** Gets what is waited for, and how far an index is. */
  readonly say: (line: string) => void
  /** Ends what runs. */
  readonly signal: AbortSignal | undefined
}

async function runOne(
  client: Client,
  watcher: Client,
  { statement, say }: Doing & { readonly statement: Statement },
): Promise<void> {
  const { shown, sent = shown, byHand } = statement
  if (byHand !== undefined) throw new MillraceError('source-refused', byHand, { hint: shown })
  const concurrently = shown.includes(' index concurrently ')
  // Building beside writers is waiting for their transactions: to give up would leave half an index.
  const timeout = concurrently ? 0 : lockTimeoutMs
  for (let tries = 1; ; tries += 1) {
    const watch = new Watch(client, watcher, { concurrently, say })
    try {
      await client.query(`set lock_timeout = ${timeout}`)
      await client.query(sent)
      return
    } catch (error) {
      const waited = error instanceof DatabaseError && error.code === '55P03'
      const heldUp = watch.heldUpBy ?? 'another session'
      if (!waited || tries === triesMax) throw refusalOf(error, shown, waited ? heldUp : undefined)
      say(`waits for a lock that ${heldUp} has; tried ${tries} of ${triesMax} times`)
    } finally {
      await watch.end()
    }
    await client.query('rollback')
    await sleep(pauseMs * tries)
  }
}

/** What Postgres has to say of a statement, without the statement where that has a password. */
function refusalOf(error: unknown, shown: string, heldUpBy: string | undefined): MillraceError {
  if (heldUpBy !== undefined) {
    return new MillraceError('source-busy', `a lock was not to be had: ${heldUpBy} has it`, {
      hint: `Run it again when that is over: ${shown}`,
    })
  }
  const { code = '' } = error instanceof DatabaseError ? error : {}
  if (code === '') return sourceError(error)
  return new MillraceError('source-refused', describe(error), { hint: shown })
}

type WatchOptions = Pick<Doing, 'say'> & { readonly concurrently: boolean }

/** Looks from another session at what a statement waits for, and how far an index is. */
class Watch {
  heldUpBy: string | undefined
  readonly #client: Client
  readonly #watcher: Client
  readonly #options: WatchOptions
  readonly #end = new AbortController()
  readonly #watching: Promise<void>

  constructor(client: Client, watcher: Client, options: WatchOptions) {
    this.#client = client
    this.#watcher = watcher
    this.#options = options
    this.#watching = this.#watch().catch(() => undefined)
  }

  end(): Promise<void> {
    this.#end.abort()
    return this.#watching
  }

  async #watch(): Promise<void> {
    const { concurrently, say } = this.#options
    const { signal } = this.#end
    let saidMs = performance.now()
    while (!signal.aborted) {
      await sleep(watchEveryMs, undefined, { signal })
      this.heldUpBy = (await this.#holder()) ?? this.heldUpBy
      if (!concurrently || performance.now() - saidMs < progressEveryMs) continue
      saidMs = performance.now()
      const waits = this.heldUpBy === undefined ? 'begins' : `waits for ${this.heldUpBy}`
      say((await this.#progress()) ?? waits)
    }
  }

  async #holder(): Promise<string | undefined> {
    const { rows } = await this.#watcher.query<{ holder: string }>(
      `select format('session %s (%s, %s)', pid, coalesce(nullif(application_name, ''), usename),
         coalesce(state, 'state unknown')) as holder
       from pg_stat_activity where pid = any(pg_blocking_pids($1)) order by xact_start limit 1`,
      [processIdOf(this.#client)],
    )
    return rows[0]?.holder
  }

  async #progress(): Promise<string | undefined> {
    const { rows } = await this.#watcher.query<{ line: string }>(
      `select phase || case when blocks_total > 0
           then format(', %s of %s blocks', blocks_done, blocks_total) else '' end
         || case when current_locker_pid > 0
           then format(', waits for session %s', current_locker_pid) else '' end as line
       from pg_stat_progress_create_index where pid = $1`,
      [processIdOf(this.#client)],
    )
    return rows[0]?.line
  }
}

/** The driver knows it and its types do not. */
function processIdOf(client: Client): number {
  return (client as unknown as { readonly processID: number }).processID
}
