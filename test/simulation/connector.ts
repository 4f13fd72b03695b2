/**
 * Kafka Connect with its one connector: reads the log of the database in the order of its commits,
 * writes to partitions, and commits now and then how far it is. What runs is a task; one that was
 * taken for dead may go on later with what it had in its hands.
 */
import type { Connect } from '../../src/source/connect.ts'
import { lsnFromInteger } from '../../src/position.ts'
import type { LogEntry, RowChange } from './database.ts'
import type { Process } from './process.ts'
import { tableNames } from './tables.ts'
import type { Meaning, Partition } from './topics.ts'
import type { World } from './world.ts'

/** How far the connector is: what it has seen the end of, and where it goes on. */
export type SourceOffset = {
  readonly commitLsn: number
  /** The transaction behind which it goes on, and how many of the next one's changes it leaves out. */
  readonly afterLsn: number
  readonly skip: number
}

type Emission = {
  readonly partition: Partition
  readonly key: string | null
  readonly meaning: Meaning | null
  readonly offset: SourceOffset
  acknowledged: boolean
}

export const connectorName = 'millrace'

export function topicOfTable(table: string): string {
  return `${connectorName}.public.${table}`
}

export const messageTopic = `${connectorName}.message`

/** One life of the connector's task. */
export class Task {
  readonly #world: World
  readonly #connector: Connector
  #partitionCounts = new Map<string, number>()
  /** In its order, from the first one that was not acknowledged. */
  readonly #sent: Emission[] = []
  readonly #lanes = new Map<Partition, Emission[]>()
  #afterLsn: number
  #commitLsn: number
  #skip: number
  over = false
  /** Stands still: neither reads nor writes. */
  paused = false

  constructor(world: World, connector: Connector, from: SourceOffset) {
    this.#world = world
    this.#connector = connector
    this.#afterLsn = from.afterLsn
    this.#commitLsn = from.commitLsn
    this.#skip = from.skip
    this.refresh()
  }

  /** Learns how many partitions the topics have. */
  refresh(): void {
    const { topics } = this.#world.broker
    this.#partitionCounts = new Map(
      [...topics].map(([name, { partitions }]) => [name, partitions.length]),
    )
  }

  get idle(): boolean {
    return this.#sent.length === 0
  }

  get afterLsn(): number {
    return this.#afterLsn
  }

  /** Everything at or below it has been written. */
  get writtenLsn(): number {
    const first = this.#sent.find(({ acknowledged }) => !acknowledged)
    return first ? first.offset.afterLsn : this.#afterLsn
  }

  /** Reads what is on the database's disk. A zombie has lost its slot to another. */
  read(): void {
    const { database, services } = this.#world
    if (this.over || this.paused || this.#connector.task !== this || services.source.down) return
    const entries = database.log.filter(
      ({ lsn }) => lsn > this.#afterLsn && lsn <= database.flushedLsn,
    )
    for (const entry of entries) {
      // It has nowhere to write to, and waits with all that follows.
      if (entry.changes.some(({ table }) => this.#isAway(table))) break
      this.#take(entry)
    }
    this.flow()
  }

  /** Rows of a snapshot, before anything that is streamed. */
  snapshot(incremental: boolean): void {
    const { database, views } = this.#world
    for (const table of tableNames.filter((name) => views.tables.has(name))) {
      const { rows, published } = database.tables.get(table)!
      if (!published || this.#isAway(table)) continue
      for (const [name, { row }] of rows) {
        const lsn = lsnFromInteger(database.lsn)
        const change = { kind: 'read', table, key: row, after: row, lsn, incremental } as const
        const meaning: Meaning = {
          kind: 'other',
          decoded: { kind: 'change', change },
          keySchema: this.#connector.keySchema,
        }
        this.#send(table, { key: name, meaning, skip: this.#skip })
      }
    }
    this.flow()
  }

  /** Writes on, each partition at its own pace. */
  flow(): void {
    for (const [partition, lane] of this.#lanes) {
      if (lane.length > 0) this.#flowIn(partition, lane)
    }
    this.#settle()
  }

  /** A process that was taken for dead goes on with what it has: its buffer, and its offset. */
  goOn(): void {
    this.paused = false
    const { random, scheduler } = this.#world
    if (!this.idle) this.#world.count('a connector that was replaced went on writing')
    this.flow()
    scheduler.after(random.connector.between(50, 1_500), () => this.die())
  }

  die(): void {
    this.over = true
    this.#lanes.clear()
  }

  /** Remembers how far everything is acknowledged. */
  commitOffset(): void {
    if (this.over || this.paused) return
    const { transactional } = this.#connector
    if (transactional && this.#connector.task !== this) return
    let last: SourceOffset | undefined
    while (this.#sent[0]?.acknowledged) last = this.#sent.shift()!.offset
    const reached = this.idle
      ? { commitLsn: this.#commitLsn, afterLsn: this.#afterLsn, skip: 0 }
      : last
    if (reached) this.#connector.keep(this, reached)
  }

  #isAway(table: string): boolean {
    return this.#world.views.tables.has(table) && !this.#world.topicOf(table)
  }

  #take(entry: LogEntry): void {
    let taken = 0
    for (const change of entry.changes) {
      taken += 1
      // On another history the next transaction is another one than that of which it has written some.
      if (taken <= this.#skip && !change.emitted) change.lost = true
      if (taken <= this.#skip || !change.published) continue
      if (!this.#world.views.tables.has(change.table)) continue
      this.#emit(change, taken)
    }
    this.#skip = 0
    for (const text of entry.messages) {
      const partition = this.#world.broker.partition(messageTopic, 0)!
      this.#push(partition, { key: null, meaning: { kind: 'marker', text }, skip: taken })
    }
    this.#afterLsn = entry.lsn
    this.#commitLsn = entry.lsn
  }

  #emit(change: RowChange, skip: number): void {
    const { keySchema } = this.#connector
    const meaning: Meaning = { kind: 'change', change, keySchema, first: true }
    this.#send(change.table, { key: change.name, meaning, skip })
    if (!change.after) this.#send(change.table, { key: change.name, meaning: null, skip })
  }

  #send(
    table: string,
    given: { readonly key: string; readonly meaning: Meaning | null; readonly skip: number },
  ): void {
    const topic = topicOfTable(table)
    const { broker } = this.#world
    const count = this.#partitionCounts.get(topic) ?? broker.topics.get(topic)!.partitions.length
    this.#partitionCounts.set(topic, count)
    // The bytes of a key begin with the id of its schema, and decide on the partition.
    const key = `${this.#connector.keySchema}:${given.key}`
    const partition = broker.partition(topic, hashOf(key) % count) ?? broker.partition(topic, 0)!
    this.#push(partition, { ...given, key })
  }

  #push(
    partition: Partition,
    {
      key,
      meaning,
      skip,
    }: {
      readonly key: string | null
      readonly meaning: Meaning | null
      readonly skip: number
    },
  ): void {
    const offset = { commitLsn: this.#commitLsn, afterLsn: this.#afterLsn, skip }
    const emission = { partition, key, meaning, offset, acknowledged: false }
    this.#sent.push(emission)
    const lane = this.#lanes.get(partition)
    if (lane) lane.push(emission)
    else this.#lanes.set(partition, [emission])
  }

  #flowIn(partition: Partition, lane: Emission[]): void {
    const { random, scheduler } = this.#world
    const slow = random.connector.chance(this.#connector.slowness)
    scheduler.after(random.connector.between(0.5, slow ? 900 : 12), () => {
      if (this.over || this.paused || lane.length === 0) return
      const waits = this.#connector.transactional ? [...this.#lanes] : [[partition, lane] as const]
      if (waits.some(([to, held]) => held.length > 0 && !this.#world.present(to))) {
        return this.#flowIn(partition, lane)
      }
      if (this.#connector.transactional) return this.#writeAll()
      for (const emission of lane.splice(0, 1 + random.connector.below(5))) this.#write(emission)
      if (lane.length > 0) this.#flowIn(partition, lane)
      this.#settle()
    })
  }

  /** In a transaction with the offset: all of it, or nothing. One that was replaced is kept out. */
  #writeAll(): void {
    if (this.#connector.task !== this) {
      this.#world.count('a replaced connector was kept out by the broker')
      return this.die()
    }
    const touched = new Set<Partition>()
    for (const [partition, lane] of this.#lanes) {
      if (lane.length > 0) touched.add(partition)
      for (const emission of lane.splice(0)) this.#write(emission)
    }
    for (const partition of touched) this.#world.broker.skip(partition, 1)
    this.#settle()
    this.commitOffset()
  }

  #write(emission: Emission): void {
    const { broker, random, oracle } = this.#world
    const { key } = emission
    let { meaning } = emission
    const partition = this.#world.present(emission.partition)!
    emission.acknowledged = true
    const inTransaction = this.#connector.transactional
    const gap = !inTransaction && random.connector.chance(0.1) ? 1 : 0
    if (meaning?.kind === 'change' && meaning.change.emitted) {
      meaning = { ...meaning, first: false }
      this.#world.count('a change was written again')
    }
    const garbled = meaning?.kind === 'change' && this.#connector.garble(meaning.change)
    const offset = broker.append(partition, key, garbled || meaning, { gap, inTransaction })
    if (meaning?.kind === 'change') {
      oracle.written(meaning.change, partition, { partition: partition.name, offset })
    }
  }

  /** Once all is acknowledged, the offset is committed soon, and else now and then. */
  #settle(): void {
    this.#connector.commitSoon(this)
  }
}

export class Connector {
  readonly #world: World
  /** Records and offsets in one transaction: nothing comes twice. */
  readonly transactional: boolean
  /** How often a partition waits for long. */
  slowness = 0.02
  /** How long offsets wait to be committed, milliseconds. */
  flushMs = 150
  task: Task | undefined
  status: 'running' | 'failed' | 'starting' = 'starting'
  /** Undefined when somebody has deleted the offsets. */
  committed: SourceOffset | undefined
  snapshot = false
  keySchema = 1
  /** How many of the next changes are written so that nobody understands them. */
  garbles = 0
  /** Somebody has to give it another place to go on from. */
  stuck = false
  settings: Record<string, string>
  #slotLsn: number
  #commitDue: Task | undefined
  #starts = 0

  constructor(world: World, transactional: boolean) {
    this.#world = world
    this.transactional = transactional
    const { lsn } = world.database
    this.committed = { commitLsn: lsn, afterLsn: lsn, skip: 0 }
    this.#slotLsn = lsn
    this.settings = {
      name: connectorName,
      'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
      'plugin.name': 'pgoutput',
      'slot.name': connectorName,
      'publication.name': connectorName,
      'topic.prefix': connectorName,
      'offset.mismatch.strategy': 'trust_offset',
      'event.converting.failure.handling.mode': 'fail',
    }
  }

  /** What stands at or below it in the database's log is not read any more. */
  get reachedLsn(): number {
    return this.task?.afterLsn ?? this.committed?.afterLsn ?? this.#slotLsn
  }

  get writtenLsn(): number {
    return this.task?.writtenLsn ?? this.committed?.afterLsn ?? this.#slotLsn
  }

  /** From what was committed last. Without offsets, by a snapshot of everything. */
  start(afterMs: number): void {
    this.status = 'starting'
    const start = (this.#starts += 1)
    const { scheduler, random, database } = this.#world
    scheduler.after(afterMs, () => {
      if (start !== this.#starts) return
      if (this.#world.services.source.down) return this.start(500)
      if (this.stuck) return this.fail()
      this.status = 'running'
      const { committed } = this
      const whole =
        committed && random.connector.chance(0.5) ? { ...committed, skip: 0 } : committed
      const lsn = random.connector.chance(0.5) ? this.#slotLsn : database.flushedLsn
      const from = whole ?? { commitLsn: lsn, afterLsn: lsn, skip: 0 }
      for (const table of this.#skipTo(from.afterLsn)) {
        this.#world.oracle.taint({
          what: `changes of ${table} were never read`,
          tables: [table],
          isLeftBehindBy: (name) => name.startsWith(`${topicOfTable(table)}/`),
          isNoticedBy: ({ code, tables }) =>
            code === 'late-snapshot' && (tables.length === 0 || tables.includes(table)),
          // An offset of an earlier history, which one that was replaced has committed, says nothing.
          isSilent: () => committed !== undefined,
        })
      }
      this.task = new Task(this.#world, this, from)
      if (!committed) {
        this.snapshot = true
        this.task.snapshot(false)
        this.#world.count('the connector took a snapshot anew')
      }
      this.task.read()
    })
  }

  /** What stands below in the database's log is never read. Answers the tables that it is of. */
  #skipTo(lsn: number): ReadonlySet<string> {
    const lost = this.#world.database.log
      .filter((entry) => entry.lsn <= lsn)
      .flatMap(({ changes }) => changes.filter((each) => !each.emitted && !each.lost))
    for (const change of lost) change.lost = true
    return new Set(lost.map(({ table }) => table))
  }

  /** The task dies where it stands, and another one begins after a while. */
  crash(afterMs: number): void {
    if (this.task && !this.task.idle) {
      this.#world.count('the connector crashed before all was acknowledged and committed')
    }
    this.task?.die()
    this.task = undefined
    this.start(afterMs)
  }

  fail(): void {
    if (this.task) this.#world.count('the task of the connector failed')
    this.task?.die()
    this.task = undefined
    this.#starts += 1
    this.status = 'failed'
  }

  /** Another task takes over from one that stands still and does not know it. */
  replace(zombieMs: number): void {
    const zombie = this.task
    if (!zombie) return
    zombie.paused = true
    this.task = undefined
    this.start(this.#world.random.connector.between(5, 800))
    this.#world.scheduler.after(zombieMs, () => zombie.goOn())
  }

  keep(task: Task, offset: SourceOffset): void {
    if (task !== this.task) this.#world.count('a replaced connector set its offset back')
    this.committed = offset
    if (task !== this.task) return
    this.#slotLsn = offset.afterLsn
    if (task.idle) this.snapshot = false
  }

  /** Somebody has deleted the connector's offsets, or they were lost. */
  loseOffsets(): void {
    this.committed = undefined
    this.crash(this.#world.random.connector.between(5, 800))
  }

  /** Somebody lets it go on from where the database is now. Answers how many tables lack changes. */
  resetTo(lsn: number): number {
    const { size } = this.#skipTo(lsn)
    this.committed = { commitLsn: lsn, afterLsn: lsn, skip: 0 }
    this.#slotLsn = lsn
    this.crash(50)
    return size
  }

  /** What is written in the place of a change, where something is wrong with it. */
  garble({ xid }: RowChange): Meaning | undefined {
    if (this.garbles <= 0) return undefined
    this.garbles -= 1
    this.#world.count('a record made no sense')
    const { random } = this.#world
    const transaction = random.connector.chance(0.5) ? xid % 2 ** 32 : undefined
    const decoded = random.connector.chance(0.5)
      ? ({ kind: 'undecodable', reason: 'garbage' } as const)
      : ({ kind: 'unusable', reason: 'says too little', transaction } as const)
    return { kind: 'other', decoded, keySchema: undefined }
  }

  wake(): void {
    this.task?.read()
  }

  commitSoon(task: Task): void {
    if (this.#commitDue === task || task.over) return
    this.#commitDue = task
    const { scheduler, random } = this.#world
    const ms = task.idle ? random.connector.between(5, 60) : this.flushMs
    scheduler.after(random.connector.between(0.3, 1) * ms, () => {
      if (this.#commitDue === task) this.#commitDue = undefined
      const before = this.committed
      task.commitOffset()
      if (task === this.task && (!task.idle || before !== this.committed)) {
        if (!task.idle) this.commitSoon(task)
      }
    })
  }
}

export function hashOf(text: string): number {
  let hash = 7
  for (let at = 0; at < text.length; at += 1) hash = (hash * 31 + text.charCodeAt(at)) % 1_000_003
  return hash
}

export function connectOf(world: World, process: Process): Connect {
  const { connector, services } = world
  const call = <T>(method: string, serve: () => T) => process.call(services.connect, method, serve)
  return {
    committed: () =>
      call('committed', () => {
        const { committed, snapshot } = connector
        const commitLsn = committed && lsnFromInteger(committed.commitLsn)
        return { commitLsn, snapshot }
      }),
    settings: () => call('settings', () => connector.settings),
    status: () => call('status', () => ({ state: connector.status, reason: 'a simulated one' })),
    restart: () =>
      call('restart', () => {
        world.count('Millrace restarted the connector')
        connector.crash(world.random.connector.between(20, 900))
      }),
    version: () => call('version', () => '3.7.0.Final'),
  }
}
