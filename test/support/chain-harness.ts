/**
 * What the fault tests share: the suite's chain with an empty store, workers that are killed and
 * started by name, hostile traffic on the source, and the wait until every entry equals SQL.
 */
import { Redis } from 'ioredis'
import { Client } from 'pg'
import type { Chain } from '../../src/dev/chain.ts'
import { hostileWeights } from '../../src/traffic/operations.ts'
import { Population } from '../../src/traffic/population.ts'
import { Random } from '../../src/traffic/random.ts'
import { Tally } from '../../src/traffic/tally.ts'
import { ensureUsers } from '../../src/traffic/users.ts'
import { runWorkload } from '../../src/traffic/workload.ts'
import { parseLsn, type Lsn } from '../../src/position.ts'
import { chainTimeoutMs, sharedChain, startRole } from './chain.ts'
import { differences, untilEqual } from './truth.ts'
import { slowness, until } from './wait.ts'

/** Without a heartbeat for so long a worker's partitions go to others. */
export const sessionTimeoutMs = 2_000 * slowness

/** Faults are noticed within a second or two, so that a test need not wait for minutes. */
const fastSettings = {
  MILLRACE_SESSION_TIMEOUT_MS: String(sessionTimeoutMs),
  MILLRACE_LEASE_MS: '1500',
  MILLRACE_BARRIER_INTERVAL_MS: '300',
  MILLRACE_BARRIER_IDLE_MS: '600',
  MILLRACE_CALL_TIMEOUT_MS: String(3_000 * slowness),
}

const usersOfTraffic = 300
const stateKey = 'millrace:user-information'
/** A fault is mended within this time after its end. */
export const mendedWithinMs = 30_000 * slowness
const startedWithinMs = 60_000 * slowness
/** Bounds of a whole test, and of what comes before it: the first one starts the chain. */
export const testTimeoutMs = 240_000 * slowness
const openTimeoutMs = chainTimeoutMs
const closeTimeoutMs = 30_000 * slowness

export type Traffic = {
  readonly tally: Tally
  /** Ends it after the operations under way; rejects if the source refused them. */
  stop(): Promise<Tally>
}

export type HarnessOptions = {
  /** A chain of the test's own, in place of the shared one. */
  readonly chain?: Chain
}

type Settings = Readonly<Record<string, string>>

/**
 * Opens on a chain whose Redis is emptied and whose own worker is ended; each test starts the
 * workers that it wants. `close` ends them and the traffic, also when the test has failed.
 */
export class ChainHarness {
  readonly chain: Chain
  readonly redis: Redis
  readonly #ends: (() => Promise<unknown>)[] = []

  private constructor(chain: Chain) {
    this.chain = chain
    this.redis = new Redis(chain.urls.redis, { maxRetriesPerRequest: null })
    this.redis.on('error', () => undefined)
  }

  static async open({ chain }: HarnessOptions = {}): Promise<ChainHarness> {
    const harness = new ChainHarness(chain ?? (await sharedChain()))
    await harness.#endRoles()
    await harness.redis.flushall()
    const [random, population] = [new Random(1), new Population(usersOfTraffic)]
    await ensureUsers(harness.chain.urls.source, { random, population })
    return harness
  }

  /** Starts a worker of this name, which begins with `worker-`. */
  startWorker(name = 'worker-a', env: Settings = {}, args: readonly string[] = []): void {
    startRole(this.chain, { name, args: ['worker', ...args], env: { ...fastSettings, ...env } })
  }

  /** SIGKILL, and the same worker again at once. */
  async killAndRestart(name = 'worker-a'): Promise<void> {
    await this.chain.kill(name)
    this.chain.startAgain(name)
  }

  /** Asks a worker to end, waits until it has, and takes it off the chain. */
  async stopWorker(name: string): Promise<void> {
    await this.chain.processes.stop(name)
    this.chain.forget(name)
  }

  /** The generation's id while nothing marks it for rebuild, else what the mark says. */
  async intact(): Promise<string | undefined> {
    const { id, mark } = await this.state()
    return mark === undefined ? id : `marked: ${mark}`
  }

  /** Changes of every kind until `stop`; the seed is printed, and so can be given again. */
  traffic(rate: number, seed = seedOfRun()): Traffic {
    process.stdout.write(`traffic: ${rate} changes/s, seed ${seed}\n`)
    const [tally, stop] = [new Tally(), new AbortController()]
    const running = runWorkload(this.chain.urls.source, {
      random: new Random(seed),
      population: new Population(usersOfTraffic),
      weights: hostileWeights,
      rate,
      connections: 3,
      signal: stop.signal,
      tally,
    })
    running.catch(() => undefined)
    const traffic = {
      tally,
      stop: () => {
        stop.abort()
        return running
      },
    }
    this.onClose(traffic.stop)
    return traffic
  }

  /** Fields of the view's state in Redis; empty when there is none. */
  state(): Promise<Readonly<Record<string, string>>> {
    return this.redis.hgetall(stateKey)
  }

  /** Changes that the live partitions have passed, of all generations' current one. */
  async progress(): Promise<bigint> {
    const checkpoints = await this.redis.hvals(`${stateKey}:checkpoints`)
    return checkpoints.reduce((sum, text) => sum + BigInt(/"next":"(\d+)"/.exec(text)![1]!), 0n)
  }

  /** The id of the generation that serves, once it does; another one than `not`. */
  async untilServing(not?: string, timeoutMs = startedWithinMs): Promise<string> {
    let id: string | undefined
    await until(
      'the view serves',
      async () => {
        const state = await this.state()
        id = state.phase === 'serving' && state.id !== not ? state.id : undefined
        return id !== undefined
      },
      timeoutMs,
    )
    return id!
  }

  /**
   * Waits until Redis equals SQL and the watermark has passed everything written so far, and is
   * still equal then: an equality of one lucky moment does not count.
   */
  async untilEqual(timeoutMs = mendedWithinMs): Promise<void> {
    const { source, redis } = this.chain.urls
    const written = await this.written()
    try {
      await untilEqual({ source, redis, timeoutMs })
      await this.untilServing(undefined, timeoutMs)
      await until(
        'the watermark passes everything written',
        async () => {
          const { watermark } = await this.state()
          return watermark !== undefined && parseLsn(watermark) >= written
        },
        timeoutMs,
      )
    } catch (error) {
      const state = JSON.stringify(await this.state())
      throw new Error(`not equal to SQL; state ${state}`, { cause: error })
    }
    expect(await differences({ source, redis })).toEqual([])
  }

  /** Runs SQL on the source as the application does; answers the rows of the last statement. */
  async sql(...statements: readonly string[]): Promise<readonly Record<string, string>[]> {
    const client = new Client({ connectionString: this.chain.urls.source })
    client.on('error', () => undefined)
    await client.connect()
    try {
      let rows: Record<string, string>[] = []
      for (const statement of statements) ({ rows } = await client.query(statement))
      return rows
    } finally {
      await client.end()
    }
  }

  /** Something else of a test that `close` has to end. May be called again after it has ended. */
  onClose(end: () => Promise<unknown>): void {
    this.#ends.push(end)
  }

  /** Where the source's log ends now: everything committed so far stands before. */
  async written(): Promise<Lsn> {
    const [row] = await this.sql('select pg_current_wal_lsn()::text as lsn')
    return parseLsn(row!.lsn!)
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#ends.map((end) => end()))
    this.redis.disconnect()
    await this.#endRoles()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #endRoles(): Promise<void> {
    for (const { name } of this.chain.processes.list()) {
      if (!/^(worker|api)-/.test(name)) continue
      await this.chain.kill(name)
      if (name !== 'worker-1') this.chain.forget(name)
    }
  }
}

/** Gives each test a harness of its own and closes it afterwards, also when the test has failed. */
export function harnessForEachTest(use: (harness: ChainHarness) => void): void {
  let harness: ChainHarness | undefined
  beforeEach(async () => {
    harness = await ChainHarness.open()
    use(harness)
  }, openTimeoutMs)
  afterEach(async () => {
    await harness?.close()
    harness = undefined
  }, closeTimeoutMs)
}

/** `MILLRACE_TEST_SEED`, else another one each time. */
export function seedOfRun(): number {
  const given = process.env.MILLRACE_TEST_SEED
  return given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given)
}
