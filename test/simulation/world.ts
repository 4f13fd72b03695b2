/** Everything that one schedule plays in, on one clock and one seed. */
import { ownView, type OwnView } from '../../src/coordinate/view-plan.ts'
import type { Log } from '../../src/log.ts'
import { Connector, messageTopic, topicOfTable } from './connector.ts'
import { Database, type LogEntry, type Transaction } from './database.ts'
import { Group } from './groups.ts'
import { Oracle } from './oracle.ts'
import { beginningMs, Process } from './process.ts'
import { plain } from './plain.ts'
import { Random } from './random.ts'
import { Scheduler } from './scheduler.ts'
import { Service } from './service.ts'
import { SimulatedStore } from './store.ts'
import { timedRow } from './activity.ts'
import { families, type Family, type FamilyName } from './families.ts'
import { KeepWatch } from './keep-watch.ts'
import { spelled } from './keys.ts'
import { rowOf } from './tables.ts'
import { Broker, type Partition, type Topic } from './topics.ts'
import { runWorker } from './worker.ts'
import type { Row } from '../../src/change.ts'

export type WorldOptions = {
  readonly seed: number
  readonly family: FamilyName
  readonly benign: boolean
  /** Each is called with its name and how often it happened just now. */
  readonly count: (kind: string, times?: number) => void
  readonly trace?: ((line: string) => void) | undefined
}

export type Life = {
  readonly process: Process
  readonly own: OwnView
  readonly end: AbortController
  /** Resolves when it has ended by itself. */
  readonly ended: Promise<void>
  over: boolean
}

export class ScheduleFailure extends Error {}

type Views = Pick<Family, 'countedBy' | 'whole' | 'renamed' | 'computed'> & {
  readonly first: OwnView
  readonly later: OwnView
  readonly tables: Set<string>
}

export class World {
  readonly scheduler = new Scheduler()
  readonly random: Readonly<Record<Stream, Random>>
  readonly services: Readonly<
    Record<'source' | 'connect' | 'broker' | 'store' | 'registry', Service>
  >
  readonly database: Database
  /** The one that Millrace asks: the same, but for who has set it up wrong. */
  asked: Database
  readonly broker: Broker
  readonly connector: Connector
  readonly store: SimulatedStore
  readonly oracle: Oracle
  readonly family: FamilyName
  readonly views: Views
  readonly keeping: KeepWatch
  readonly lives = new Set<Life>()
  /** By their names: who has held the lease. */
  readonly coordinators = new Map<string, Process>()
  /** Told of the entry of each error that is planted by hand. */
  readonly onPlanted = new Set<(key: string) => void>()
  fullPace:
    | { readonly process: Process; readonly session: number; readonly lost: AbortController }
    | undefined
  sourceOffsetMs = 0
  brokerOffsetMs = 0
  /** How long commits wait for a standby at most, milliseconds. */
  standbyMs = 2
  /** Changes of a partition that workers remember. */
  readonly identitiesMax: number
  failure: Error | undefined
  /** True where no doubt may be raised. */
  readonly benign: boolean
  readonly #options: WorldOptions
  readonly #groups = new Map<string, Group>()
  readonly #everyLife: Life[] = []
  #closed = false
  #names = 0
  /** Upper half of the transactions' ids. */
  #idRound: number

  constructor(options: WorldOptions) {
    this.#options = options
    this.benign = options.benign
    const base = new Random(options.seed)
    const streams = streamNames.map((name) => [name, base.fork()] as const)
    this.random = Object.fromEntries(streams) as Record<Stream, Random>
    const { setup } = this.random
    const service = (name: string, code: ConstructorParameters<typeof Service>[1]) =>
      new Service(name, code, { random: base.fork(), count: this.count })
    this.services = {
      source: service('source', 'source-unavailable'),
      connect: service('connect', 'connect-unavailable'),
      broker: service('broker', 'kafka-away'),
      store: service('store', 'store-away'),
      registry: service('registry', 'registry-unavailable'),
    }
    this.family = options.family
    const family = families[options.family]
    const later = ownView(setup.pick(family.later))
    const tables = new Set(family.tables)
    this.views = { ...family, first: ownView(family.first), later, tables }
    const { nowMs } = this.#clocks()
    this.identitiesMax = !options.benign && setup.chance(0.05) ? 4 + setup.below(12) : 2_000
    const first = firstXid(setup)
    this.#idRound = Math.floor(first / 2 ** 32)
    this.database = new Database(first, this.#births(), nowMs)
    this.asked = this.database
    this.broker = new Broker(() => Math.floor(beginningMs + nowMs() + this.brokerOffsetMs))
    this.broker.create(messageTopic, 1)
    for (const table of tables) this.broker.create(topicOfTable(table), 1 + setup.below(3))
    this.store = new SimulatedStore(this)
    this.keeping = new KeepWatch(this)
    this.oracle = new Oracle({
      data: this.store.data,
      countedBy: family.countedBy,
      lsn: () => this.database.lsn,
      births: this.database.births,
      doubted: (doubts) => {
        const unfounded = doubts.find(
          ({ keys }) => keys.length === 0 || !keys.every((key) => this.#mayBeDoubted(key)),
        )
        if (!this.benign || !unfounded) return
        this.fail(`nothing has happened that makes this doubtful: ${unfounded.reason}`)
      },
    })
    this.connector = new Connector(this, setup.chance(0.4))
  }

  #mayBeDoubted(key: string): boolean {
    return this.oracle.isVanished(key) || this.store.belowInBuild.has(key)
  }

  readonly count = (kind: string, times = 1): void => this.#options.count(kind, times)

  readonly say = (line: () => string): void => {
    const { trace } = this.#options
    if (trace && !this.#closed) trace(`${this.scheduler.nowMs.toFixed(1).padStart(9)} ${line()}`)
  }

  readonly fail = (reason: string): void => {
    this.say(() => `FAILS: ${reason}`)
    this.failure ??= new ScheduleFailure(reason)
  }

  readonly sourceNowMs = (): number => this.scheduler.nowMs

  readonly sourceWallMs = (): number =>
    Math.floor(beginningMs + this.scheduler.nowMs + this.sourceOffsetMs)

  /** Another process of that release. */
  start(own: OwnView): Life {
    const process = new Process(`worker-${(this.#names += 1)}`, this.scheduler, this.random.process)
    const end = new AbortController()
    this.say(
      () =>
        `${process.name} starts with ${own === this.views.first ? 'the first' : 'a later'} view`,
    )
    const life: Life = {
      process,
      own,
      end,
      over: false,
      ended: runWorker(this, process, own, end.signal).then(
        () => void (life.over = true),
        (error: unknown) => {
          if (process.alive) this.failure ??= error as Error
        },
      ),
    }
    this.lives.add(life)
    this.#everyLife.push(life)
    return life
  }

  /**
   * Nothing happens any more. Signals that are made of others are kept for as long as somebody
   * listens to them, and whatever they lead to with them, so that all have to be aborted.
   */
  close(): void {
    this.#closed = true
    for (const { end } of this.#everyLife) end.abort()
  }

  kill(life: Life): void {
    this.say(() => `${life.process.name} is killed`)
    this.count(
      life.process.asked.length > 0 ? 'a worker was killed in a call' : 'a worker was killed',
    )
    this.lives.delete(life)
    life.process.kill()
    for (const group of this.#groups.values()) group.missed(life.process)
  }

  pause(life: Life, ms: number): void {
    this.say(() => `${life.process.name} stands still for ${Math.round(ms)} ms`)
    life.process.pause(ms, (deferred) => {
      if (deferred > 0) this.count('a worker stood still and went on')
    })
    for (const group of this.#groups.values()) group.missed(life.process)
  }

  group(topic: string): Group {
    const found = this.#groups.get(topic) ?? new Group(this, topic)
    this.#groups.set(topic, found)
    return found
  }

  groupOf(table: string): Group {
    return this.group(topicOfTable(table))
  }

  /** The partition that has this place now. */
  present({ name }: Partition): Partition | undefined {
    const [topic, number] = name.split('/')
    return this.broker.partition(topic!, Number(number)) ?? this.broker.partition(topic!, 0)
  }

  /** Undefined between its being deleted and made anew. */
  readonly topicOf = (table: string): Topic | undefined =>
    this.broker.topics.get(topicOfTable(table))

  /** Ends the transaction; resolves once it is visible. */
  async commit(
    transaction: Transaction,
    { durable }: { readonly durable: boolean },
  ): Promise<LogEntry | undefined> {
    const { database, connector, scheduler, oracle } = this
    const { source } = this.random
    const entry = database.commit(transaction)
    if (!entry) return undefined
    this.say(() => `transaction ${entry.xid} commits at ${entry.lsn}: ${described(entry)}`)
    if (entry.lsn <= connector.reachedLsn) for (const change of entry.changes) change.lost = true
    oracle.committed(entry)
    if (Math.floor(entry.xid / 2 ** 32) > this.#idRound) {
      this.#idRound = Math.floor(entry.xid / 2 ** 32)
      this.count('ids of transactions began anew in 32 bits')
    }
    if (entry.changes.some(({ table, published }) => !published && this.views.tables.has(table))) {
      this.count('a change was committed that nobody captures')
    }
    if (transaction.hidden) {
      this.count('a session that is older than the view hid changes from it')
      const tables = entry.changes.map(({ table }) => table)
      oracle.taint({ what: 'an old session has committed', tables, isSilent: () => true })
    }
    const session = database.sessions
    const flush = () => {
      if (session !== database.sessions) return
      database.flush(entry.lsn)
      scheduler.after(source.between(0.2, 8), () => connector.wake())
    }
    if (durable) {
      flush()
      await scheduler.delay(source.between(0, this.standbyMs))
      if (this.standbyMs > 100) this.count('a commit waited for its standby')
    } else scheduler.after(source.between(1, 250), flush)
    if (session === database.sessions) database.reveal(transaction, entry)
    return entry
  }

  someKeys(random: Random): readonly string[] {
    if (this.family === 'windows') {
      const all = [...this.oracle.keys(), spelled(['9', '2026-11-21T12:00:00.000000Z'])]
      return all.filter(() => random.chance(Math.min(0.4, 8 / all.length)))
    }
    const all = ['1', '2', '3', '4', '5', '6', '7', '99']
    return all.filter(() => random.chance(0.4))
  }

  logOf(process: Process): Log {
    const logger = (who: string): object => {
      const level = (name: string) => (given: unknown, text?: string) => {
        if (name !== 'info' && text !== undefined) this.#countSaid(given, text)
        this.say(() => `${who} ${name}: ${text ?? ''} ${JSON.stringify(given, plain)}`)
      }
      return {
        info: level('info'),
        warn: level('warn'),
        error: level('error'),
        debug: () => {},
        child: (given: object) => logger(`${who} ${Object.values(given).join()}`),
      }
    }
    return logger(process.name) as Log
  }

  /** What Millrace warns of is what it has noticed. */
  #countSaid(given: unknown, text: string): void {
    const { code } = Object(given) as { readonly code?: string }
    this.count(code === undefined ? `said: ${text}` : `said: ${text} (${code})`)
  }

  #clocks() {
    return { nowMs: () => this.scheduler.nowMs }
  }

  #births(): [string, Row][] {
    const { setup } = this.random
    if (this.family !== 'users') return this.#timedBirths(setup)
    const id = () => BigInt(1 + setup.below(6))
    const rows = new Map<string, [string, Row]>()
    const add = (table: string, row: Row, key: string) => rows.set(`${table} ${key}`, [table, row])
    for (let user = 1n; user <= 6n; user += 1n) {
      if (setup.chance(0.7)) add('users', rowOf('users', [user, `born ${user}`, 'here']), `${user}`)
    }
    for (let count = setup.below(12); count > 0; count -= 1) {
      const tweet = BigInt(count)
      add('tweets', rowOf('tweets', [tweet, id(), setup.chance(0.5) ? id() : null]), `${tweet}`)
      const [a, b] = [id(), id()]
      add('follows', rowOf('follows', [a, b]), `${a} ${b}`)
      add('likes', rowOf('likes', [a, b]), `${a} ${b}`)
    }
    return [...rows.values()]
  }

  #timedBirths(setup: Random): [string, Row][] {
    const rows: [string, Row][] = []
    for (let id = 1n + BigInt(setup.below(12)); id > 0n; id -= 1n) {
      rows.push(['visits', timedRow(this, setup, 'visits', id)])
      rows.push(['sales', timedRow(this, setup, 'sales', id)])
    }
    rows.push(['follows', rowOf('follows', [1n, 2n])])
    return rows
  }
}

const streamNames = [
  ...(['setup', 'source', 'wire', 'process', 'group', 'connector', 'prober'] as const),
  ...(['reader', 'work', 'faults'] as const),
] as const

type Stream = (typeof streamNames)[number]

/** Ids whose lower half wraps while the schedule runs, or that are far beyond it. */
function firstXid(random: Random): number {
  return random.pick([700, 2 ** 32 - 40, 5 * 2 ** 32 - 90, 3 * 2 ** 32 + 5_000])
}

function described({ changes, messages }: LogEntry): string {
  const text = changes.map(
    ({ table, name, before, after }) =>
      `${table} ${name} ${JSON.stringify(before ?? null, plain)} -> ${JSON.stringify(after ?? null, plain)}`,
  )
  return [...text, ...messages.map(() => 'a marker')].join('; ')
}
