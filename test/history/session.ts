import { hostileWeights } from '../../src/traffic/operations.ts'
import { Population } from '../../src/traffic/population.ts'
import { Random } from '../../src/random.ts'
import { Tally } from '../../src/traffic/tally.ts'
import { ensureUsers } from '../../src/traffic/users.ts'
import { runWorkload } from '../../src/traffic/workload.ts'
import { runRole } from '../support/chain.ts'
import { until } from '../support/wait.ts'
import type { ChainWithWires } from './chain-with-wires.ts'
import { Checker, type Violation } from './checker.ts'
import { Excuses } from './excuses.ts'
import { FaultTally, runLane, type Lane } from './faults.ts'
import { Histories } from './histories.ts'
import { Judging } from './judging.ts'
import { Outages } from './outages.ts'
import { Plants } from './plants.ts'
import { Readers } from './readers.ts'
import { atRest } from './rest.ts'
import { sourceUrl, type Scene } from './scene.ts'
import { SourceHistory } from './source-history.ts'
import { StoreWatch } from './store-watch.ts'
import { versionsOf } from './summary.ts'

export type SessionOptions = {
  readonly seed: number
  readonly lanes: readonly Lane[]
  /** Rows changed per second. */
  readonly rate: number
  readonly signal: AbortSignal
  /** Told of each violation at once. */
  readonly violated: (violation: Violation) => void
  /** Told of what is done to the chain. */
  readonly tell?: (text: string) => void
}

const usersOfTraffic = 300
const apiReaders = 4
const redisReaders = 2
const apiPauseMs = 20
const redisPauseMs = 60
const noticeMs = 15_000
const servesWithinMs = 180_000
const verifyTimeoutMs = 180_000

/** A chain under traffic, readers and faults, with everything that proves what they saw. */
export class Session {
  readonly population = new Population(usersOfTraffic)
  readonly excuses = new Excuses({ noticeMs })
  readonly outages = new Outages({ graceMs: 6_000 })
  readonly plants = new Plants()
  readonly histories = new Histories()
  readonly traffic = new Tally()
  readonly violations: Violation[] = []
  readonly faults: FaultTally
  readonly checker: Checker
  readonly judging: Judging
  readonly history: SourceHistory
  readonly readers: Readers
  readonly watch: StoreWatch
  readonly scene: Scene
  rests = 0
  versions = ''
  readonly #options: SessionOptions
  readonly #whole: ChainWithWires
  readonly #busy = new Set<string>()
  #phase = 0

  private constructor(
    whole: ChainWithWires,
    options: SessionOptions,
    open: { readonly history: SourceHistory; readonly histories: Histories },
  ) {
    this.#options = options
    this.#whole = whole
    this.histories = open.histories
    this.history = open.history
    this.faults = new FaultTally(options.lanes)
    const { excuses, outages, plants, histories, population } = this
    const violated = (violation: Violation) => this.violated(violation)
    this.checker = new Checker({ histories, plants, excuses, violated })
    this.judging = new Judging(this.checker, this.history)
    const { api, redis } = whole.chain.urls
    this.watch = new StoreWatch({
      redis,
      excuses,
      plants,
      violated,
      probe: (read, tell) => this.judging.probe(read, tell),
    })
    this.readers = new Readers({
      api,
      redis,
      population,
      random: this.#random('readers'),
      checker: this.checker,
      outages,
      plants,
      take: (read) => this.judging.take(read),
      violated,
    })
    this.scene = {
      ...whole,
      population,
      excuses,
      outages,
      plants,
      redis: this.watch.redis,
      tell: options.tell ?? (() => undefined),
      watermark: () => this.watch.standing?.watermark ?? 0n,
      isServing: () => this.watch.standing?.complete === true && !outages.viewIsLost,
    }
  }

  /** Fills the source, starts a worker and waits until the view serves. */
  static async open(whole: ChainWithWires, options: SessionOptions): Promise<Session> {
    const { chain, startWorker } = whole
    const population = new Population(usersOfTraffic)
    const random = new Random(options.seed)
    await ensureUsers(chain.urls.source, { random, population })
    const histories = new Histories()
    const add = histories.add.bind(histories)
    const history = await SourceHistory.open({ url: sourceUrl(chain), add })
    const session = new Session(whole, options, { history, histories })
    session.versions = await versionsOf(session.scene)
    chain.processes.onExit((name, how) => session.#ended(name, how))
    startWorker('worker-a')
    await until(
      'the view serves',
      async () => {
        options.signal.throwIfAborted()
        await session.watch.look().catch(() => undefined)
        return session.watch.standing?.complete === true && (await session.#isServed())
      },
      servesWithinMs,
    )
    return session
  }

  /** Readers and judges, until `signal` aborts. Rejects on a bug in one of them. */
  async observe(signal: AbortSignal): Promise<void> {
    const loops = [
      ...Array.from({ length: apiReaders }, () => this.readers.readApi(apiPauseMs, signal)),
      ...Array.from({ length: redisReaders }, () => this.readers.readRedis(redisPauseMs, signal)),
      repeated(() => this.judging.catchUp(), 400, signal),
      repeated(() => this.watch.look(), 300, signal),
    ]
    await Promise.all(loops)
  }

  /** Traffic and faults for so long, then a rest at which Redis has to equal SQL. */
  async phase(ms: number, signal: AbortSignal): Promise<void> {
    this.#phase += 1
    // Node may collect a signal of AbortSignal.timeout that only AbortSignal.any knows.
    const over = new AbortController()
    const timer = setTimeout(() => over.abort(), ms)
    const faultsEnd = AbortSignal.any([signal, over.signal])
    const trafficEnd = new AbortController()
    const traffic = this.#traffic(AbortSignal.any([signal, trafficEnd.signal]))
    const lanes = this.#options.lanes.map((lane) => this.#lane(lane, faultsEnd))
    const ended = await Promise.allSettled(lanes)
    clearTimeout(timer)
    trafficEnd.abort()
    const all = [...ended, ...(await Promise.allSettled([traffic]))]
    for (const each of all) if (each.status === 'rejected') throw each.reason
    if (signal.aborted) return
    const found = await atRest(this, signal)
    for (const text of found) this.violated({ kind: 'differs-at-rest', text, atMs: Date.now() })
    this.rests += 1
  }

  /** The comparison that `npm run verify` makes, in a process of its own. */
  async verify(): Promise<void> {
    const { code, output } = await runRole(this.scene.chain, ['verify'], verifyTimeoutMs)
    if (code === 0) return
    this.violated({ kind: 'differs-at-rest', text: `verify: ${output}`, atMs: Date.now() })
  }

  violated(violation: Violation): void {
    this.violations.push(violation)
    this.#options.violated(violation)
  }

  async close(): Promise<void> {
    this.watch.close()
    await this.history.close()
    await this.#whole.stop()
  }

  /** Nobody but a fault may end a role; what ended by itself is started again. */
  #ended(name: string, how: string): void {
    if (!/^(worker|api)/.test(name) || /^SIG|^exit code 0$/.test(how)) return
    this.violated({ kind: 'run', text: `${name} ended by itself (${how})`, atMs: Date.now() })
    setTimeout(() => {
      const { chain } = this.scene
      const isKnown = chain.processes.list().some((each) => each.name === name)
      if (isKnown && !chain.processes.isAlive(name)) chain.startAgain(name)
    }, 1_000)
  }

  #lane(lane: Lane, signal: AbortSignal): Promise<void> {
    const random = this.#random(lane.name)
    const { scene, faults: tally } = this
    // Once the run is told to end, nothing is started again.
    const failed = (text: string) => {
      if (!this.#options.signal.aborted) this.violated({ kind: 'run', text, atMs: Date.now() })
    }
    const parts = { scene, random, tally, busy: this.#busy, sleep: pausing, failed }
    return runLane(lane, parts, signal)
  }

  async #traffic(signal: AbortSignal): Promise<void> {
    await runWorkload(this.scene.chain.urls.source, {
      random: this.#random('traffic'),
      population: this.population,
      weights: hostileWeights,
      rate: this.#options.rate,
      connections: 3,
      signal,
      tally: this.traffic,
    })
  }

  /** A chance of its own for each part and phase, so that none depends on the pace of another. */
  #random(part: string): Random {
    let mixed = this.#options.seed + this.#phase * 7_919
    for (const letter of part) mixed = (Math.imul(mixed, 31) + letter.codePointAt(0)!) >>> 0
    return new Random(mixed)
  }

  async #isServed(): Promise<boolean> {
    try {
      const answer = await fetch(`${this.scene.chain.urls.api}/ready`)
      await answer.body?.cancel()
      return answer.ok
    } catch {
      return false
    }
  }
}

/** Sleeps, and no longer than until the signal aborts. */
export function pausing(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  const end = () => {
    clearTimeout(timer)
    resolve()
  }
  signal.addEventListener('abort', end, { once: true })
  return promise.finally(() => signal.removeEventListener('abort', end))
}

/** Does it again and again; what is away is tried again, a bug ends it. */
async function repeated(
  act: () => Promise<void>,
  pauseMs: number,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await act()
    } catch (error) {
      if (isBug(error)) throw error
    }
    await pausing(pauseMs, signal)
  }
}

/** What clients of servers throw has a code or speaks of the connection. */
function isBug(error: unknown): boolean {
  if (!Error.isError(error)) return true
  if ('code' in error) return false
  return !/connection|timed? ?out|timeout|closed|max retries|LOADING|EXECABORT/i.test(error.message)
}
