/**
 * What the fault tests share: the suite's chain with an empty store, workers that are killed and
 * started by name, hostile traffic on the source, and the wait until every entry equals SQL.
 */
import { readFileSync } from 'node:fs'
import { Redis } from 'ioredis'
import { Client } from 'pg'
import { runCommand } from '../../src/dev/command.ts'
import type { Chain } from '../../src/dev/chain.ts'
import { envOfRole, type ChainRole } from '../../src/dev/chain-env.ts'
import { mainPath } from '../../src/dev/folders.ts'
import { decodePass, type PassState } from '../../src/reconcile/pass-state.ts'
import { hostileWeights } from '../../src/traffic/operations.ts'
import { Population } from '../../src/traffic/population.ts'
import { Random } from '../../src/random.ts'
import { Tally } from '../../src/traffic/tally.ts'
import { ensureUsers } from '../../src/traffic/users.ts'
import { runWorkload } from '../../src/traffic/workload.ts'
import { parseLsn, type Lsn } from '../../src/position.ts'
import { AlwaysThere, type AlwaysThereOptions } from './always-there.ts'
import { startRole } from '../../src/dev/start-role.ts'
import { chainTimeoutMs, sharedChain } from './chain.ts'
import { seedOfRun } from './seed.ts'
import { differences, untilEqual, type Difference } from './truth.ts'
import { slowness, until } from './wait.ts'

/** Without a heartbeat for so long a worker's partitions go to others. */
export const sessionTimeoutMs = 2_000 * slowness

/** Faults are noticed within a second or two, so that a test need not wait for minutes. */
const fastSettings = {
  MILLRACE_SESSION_TIMEOUT_MS: String(sessionTimeoutMs),
  MILLRACE_LEASE_MS: '1500',
  MILLRACE_BARRIER_INTERVAL_MS: '300',
  MILLRACE_BARRIER_IDLE_MS: '600',
  MILLRACE_LOOK_SHARE_PERCENT: '30',
  MILLRACE_CALL_TIMEOUT_MS: String(3_000 * slowness),
}

const usersOfTraffic = 300
const stateKey = 'millrace:user-information'
/** A fault is mended within this time after its end. */
export const mendedWithinMs = 60_000 * slowness
const startedWithinMs = 60_000 * slowness
/** Bounds of a whole test, and of what comes before it: the first one starts the chain. */
export const testTimeoutMs = 240_000 * slowness
export const openTimeoutMs = chainTimeoutMs
export const closeTimeoutMs = 30_000 * slowness

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

/** A doubt as it stands in Redis. */
export type DoubtInRedis = { readonly code: string; readonly reason: string; readonly hint: string }

/** What a view that nothing has shaken says of itself. */
export type Standing = {
  readonly epoch: string | undefined
  /** Entries that looks have found wrong since the view was begun. */
  readonly wrong: number
  readonly doubts: readonly string[]
}

export type RoleOptions = { readonly env?: Settings; readonly timeoutMs?: number }

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

  /** What a worker or an API has logged since the chain began. */
  log(name: string): string {
    return readFileSync(this.chain.processes.logPath(name), 'utf8')
  }

  /** Runs a command of `millrace` to its end; answers its code and all that it said. */
  async run(
    args: readonly string[],
    { env = {}, timeoutMs = 120_000 }: RoleOptions = {},
  ): Promise<{ readonly code: number; readonly output: string }> {
    const own = envOfRole(args[0] as ChainRole, this.chain.env, env)
    const lines: string[] = []
    try {
      await runCommand(process.execPath, ['--no-warnings', mainPath, ...args], {
        timeoutMs,
        env: { ...own, ...env, MILLRACE_FOLDER: this.chain.folders.chain },
        onLine: (line) => void lines.push(line),
      })
      return { code: 0, output: lines.join('\n') }
    } catch (error) {
      const code = /ended with (\d+)/.exec(String(error))?.[1]
      if (code === undefined) throw error
      return { code: Number(code), output: lines.join('\n') }
    }
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

  /** A reader that asks all the time, through an API of its own. */
  async reader(options: Omit<AlwaysThereOptions, 'chain'> = {}): Promise<AlwaysThere> {
    const reader = await AlwaysThere.start({ ...options, chain: this.chain })
    this.onClose(() => reader.end())
    return reader
  }

  /** Fields of the view's state in Redis; empty when there is none. */
  state(): Promise<Readonly<Record<string, string>>> {
    return this.redis.hgetall(stateKey)
  }

  /** Doubts that stand now. */
  async doubts(): Promise<readonly DoubtInRedis[]> {
    const texts = await this.redis.hvals(`${stateKey}:doubts`)
    return texts.map((text) => {
      const [, code, json] = /^\S+ \d+ (\S+) (.*)$/s.exec(text)!
      const { reason, hint = '' } = JSON.parse(json!) as { reason: string; hint?: string }
      return { code: code!, reason, hint }
    })
  }

  /** Codes of what stands still, by place. */
  async problems(): Promise<Readonly<Record<string, string>>> {
    const texts = Object.entries(await this.redis.hgetall(`${stateKey}:problems`))
    return Object.fromEntries(
      texts.map(([place, text]) => [place, (JSON.parse(text) as { code: string }).code]),
    )
  }

  /** How far the comparison with SQL is, and what it has found. */
  async pass(): Promise<PassState | undefined> {
    return decodePass((await this.state()).pass)
  }

  async standing(): Promise<Standing> {
    const { epoch, pass } = await this.state()
    const doubts = await this.doubts()
    const wrong = decodePass(pass)?.statistics.wrong ?? 0
    return { epoch, wrong, doubts: doubts.map(({ code }) => code) }
  }

  /** Changes that the partitions have passed. */
  async progress(): Promise<bigint> {
    const checkpoints = await this.redis.hvals(`${stateKey}:checkpoints`)
    return checkpoints.reduce((sum, text) => sum + BigInt(/^\d+/.exec(text)![0]), 0n)
  }

  /** The view's epoch, once every entry was put in and readers are served. */
  async untilServing(timeoutMs = startedWithinMs): Promise<string> {
    let found: Readonly<Record<string, string>> = {}
    await until(
      'the view serves',
      async () => {
        found = await this.state()
        const complete = Object.entries(found).filter(([name]) => name.startsWith('complete:'))
        const served = complete.length > 0 && complete.every(([, value]) => value === '1')
        return served && found.watermark !== undefined
      },
      timeoutMs,
    )
    return found.epoch!
  }

  /**
   * Waits until Redis equals SQL, the watermark has passed everything written so far and no doubt
   * stands, and is still equal then: an equality of one lucky moment does not count.
   */
  async untilEqual(timeoutMs = mendedWithinMs): Promise<void> {
    const { source, redis } = this.chain.urls
    try {
      await this.untilPassed(await this.written(), timeoutMs)
      await untilEqual({ source, redis, timeoutMs })
      await until(
        'no doubt stands',
        async () => (await this.redis.hlen(`${stateKey}:doubts`)) === 0,
        timeoutMs,
      )
    } catch (error) {
      const state = JSON.stringify({ ...(await this.state()), doubts: await this.doubts() })
      throw new Error(`not equal to SQL; state ${state}`, { cause: error })
    }
    expect(await this.differences()).toEqual([])
  }

  /**
   * Like `untilEqual`, for a view that nothing was to shake: its epoch is the one given, and no
   * look has found an entry wrong, also not in a whole lap that began after everything was applied.
   * A look that heals would so show itself: by the algebra a wrong count stays wrong until then.
   */
  untilExact(epoch: string, timeoutMs?: number): Promise<void> {
    return this.untilExactSince({ epoch, wrong: 0 }, timeoutMs)
  }

  /** Like `untilExact`, for a view that was shaken before. */
  async untilExactSince(
    { epoch, wrong }: Pick<Standing, 'epoch' | 'wrong'>,
    timeoutMs = mendedWithinMs,
  ): Promise<void> {
    await this.untilEqual(timeoutMs)
    await this.untilLooked()
    expect(await this.standing()).toEqual({ epoch, wrong, doubts: [] })
    expect(await this.differences()).toEqual([])
  }

  /** Waits until every entry was looked at by a lap that began after now. */
  async untilLooked(timeoutMs = mendedWithinMs): Promise<void> {
    const following = ((await this.pass())?.lap ?? 0) + 1
    await until(
      'a lap of looks is run',
      async () => ((await this.pass())?.lap ?? 0) > following,
      timeoutMs,
    )
  }

  /** Waits until everything committed below this position is known to be in the view. */
  async untilPassed(written: Lsn, timeoutMs = mendedWithinMs): Promise<void> {
    await until(
      'the watermark passes what was written',
      async () => {
        const { watermark } = await this.state()
        return watermark !== undefined && parseLsn(watermark) >= written
      },
      timeoutMs,
    )
  }

  /** Every difference between Redis and SQL; the source must hold still. */
  differences(): Promise<Difference[]> {
    const { source, redis } = this.chain.urls
    return differences({ source, redis })
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
