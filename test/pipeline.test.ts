import { setImmediate as tick } from 'node:timers/promises'
import { pino } from 'pino'
import { GenerationWatch } from '../src/bootstrap/generation-watch.ts'
import { keepPartition } from '../src/bootstrap/partition.ts'
import type { Clock } from '../src/clock.ts'
import { MillraceError } from '../src/errors.ts'
import { memoryStore } from '../src/store/memory/memory-store.ts'
import type { ViewStore, ViewWriter } from '../src/store/store.ts'
import { userInformation as view } from '../src/views/user-information.ts'
import { seeded, SimulatedLog, simulatedDecoder, type Random } from './support/simulated-log.ts'

/**
 * The whole worker on one seed: a simulated source and log, the memory store, and every fault
 * that a seed can draw. A failing seed replays with MILLRACE_SEED.
 */
const seeds = process.env['MILLRACE_SEED']
  ? [Number(process.env['MILLRACE_SEED'])]
  : [1, 2, 3, Math.floor(Math.random() * 2 ** 31)]

test.each(seeds)('any faults, any batching: the view equals the rows (seed %i)', async (seed) => {
  const world = new World(seeded(seed * 7919))
  await world.run()
  expect(await world.entries()).toEqual(world.truth())
  expect(world.marks).toEqual([])
  expect(world.commits).toBeGreaterThan(0)
})

const topics = { users: 2, tweets: 2, follows: 2, likes: 1 }

const clock: Clock = {
  wallMs: () => 0,
  monotonicMs: () => 0,
  sleep: async () => {
    await tick()
  },
}

class World {
  readonly #random: Random
  readonly #log: SimulatedLog
  readonly #store = memoryStore(view.layout, clock)
  readonly #flaky: ViewStore
  readonly marks: unknown[] = []
  commits = 0
  #calm = false

  constructor(random: Random) {
    this.#random = random
    this.#log = new SimulatedLog(topics, random)
    this.#flaky = { ...this.#store, writer: this.#flakyWriter(this.#store.writer) }
  }

  async run(): Promise<void> {
    for (let step = 0; step < 60; step += 1) this.#change()
    this.#log.flow(1_000)
    this.#log.commitConnector()
    for (const table of Object.keys(topics)) this.#log.vanish(table)
    await this.#store.coordination.open(topics)
    for (let life = 0; life < 8; life += 1) await this.#live(80)
    this.#calm = true
    this.#log.flow(100_000)
    await this.#live(400)
  }

  async entries() {
    const entries: Record<string, unknown> = {}
    for await (const page of this.#store.reader.scan()) {
      for (const { key, fields, counts } of page) entries[key] = { fields, counts }
    }
    return entries
  }

  truth() {
    const entries: Record<string, { fields: unknown; counts: Record<string, bigint> }> = {}
    const none = Object.fromEntries(view.layout.counts.map((name) => [name, 0n]))
    for (const row of this.#log.rows.get('users')!.values()) {
      const fields = view.row.fields.map(({ name, column }) => [name, row[column] ?? null])
      entries[String(row['user_id'])] = { fields: Object.fromEntries(fields), counts: { ...none } }
    }
    for (const { name, table, by } of view.counts) {
      for (const row of this.#log.rows.get(table)!.values()) {
        const key = String(row[by])
        entries[key] ??= { fields: null, counts: { ...none } }
        entries[key].counts[name] = (entries[key].counts[name] ?? 0n) + 1n
      }
    }
    return entries
  }

  /** One life of a worker process, at the end of which it is killed. */
  async #live(steps: number): Promise<void> {
    const killed = new AbortController()
    const log = pino({ level: 'silent' })
    const watch = new GenerationWatch(this.#flaky.writer, clock, log)
    const generation = await this.#store.writer.generation()
    if (generation && this.#random(2) === 0) {
      await this.#store.writer.mark(generation.id, { code: 'by-hand', reason: '', atMs: 0 })
    }
    const partitions = Object.entries(topics).flatMap(([topic, count]) =>
      Array.from({ length: count }, (_, partition) => ({ topic, partition })),
    )
    const running = [
      watch.run(1, killed.signal),
      ...partitions.map(({ topic, partition }) =>
        keepPartition({
          view,
          table: topic,
          reader: this.#log.reader(topic, partition, killed.signal),
          decoder: simulatedDecoder,
          store: this.#flaky,
          watch,
          source: this.#log,
          clock,
          log,
          lagMs: 1_000,
          entriesPerPourMax: 1 + this.#random(5),
          parkedMax: 0,
          identitiesMax: 10_000,
        }),
      ),
    ]
    for (let step = 0; step < steps; step += 1) await this.#step()
    killed.abort()
    await Promise.all(running)
  }

  async #step(): Promise<void> {
    if (!this.#calm && this.#random(3) === 0) this.#change()
    if (!this.#calm && this.#random(25) === 0) this.#log.crashConnector()
    this.#log.flow(this.#random(3))
    if (this.#random(15) === 0) this.#log.commitConnector()
    if (this.#random(10) === 0) {
      const generation = await this.#store.writer.generation()
      const meanwhile = () => {
        if (!this.#calm && this.#random(2) === 0) this.#change()
        if (!this.#calm && this.#random(2) === 0) this.#change()
        if (!this.#calm && this.#random(2) === 0) this.#log.crashConnector()
        this.#log.flow(this.#random(4))
      }
      if (generation) {
        await this.#store.coordination.publish(generation.id, this.#log.barrier(meanwhile))
      }
    }
    await this.#coordinate()
    await tick()
  }

  /** What the coordinator does when a death between two calls of a pour ended the generation. */
  async #coordinate(): Promise<void> {
    const generation = await this.#store.writer.generation()
    const expected = ['pour-interrupted', 'by-hand']
    if (generation?.mark && !expected.includes(generation.mark.code)) {
      this.marks.push(generation.mark)
    }
    if (generation && !generation.mark && generation.phase !== 'dropping') return
    for await (const _ of this.#store.coordination.drop(generation?.id));
    await this.#store.coordination.open(topics)
  }

  #change(): void {
    const id = BigInt(1 + this.#random(6))
    const other = BigInt(1 + this.#random(6))
    const gone = this.#random(3) === 0
    const write = (table: string, key: Record<string, bigint>, after: object) =>
      this.#log.write(table, key, gone ? null : { ...key, ...after })
    switch (this.#random(4)) {
      case 0: {
        const names = ['username', 'name', 'description', 'location', 'web_page_url']
        const fields = names.map((name) => [name, this.#random(4) ? `${this.#random(99)}` : null])
        return write('users', { user_id: id }, Object.fromEntries(fields))
      }
      case 1:
        return write('tweets', { tweet_id: BigInt(this.#random(12)) }, { user_id: id })
      case 2:
        return write('follows', { follower_id: id, followee_id: other }, {})
      default:
        return write('likes', { user_id: id, tweet_id: other }, {})
    }
  }

  /** Fails before it applied, or after: then only the reply is lost. */
  #flakyWriter(writer: ViewWriter): ViewWriter {
    const away = () =>
      new MillraceError('store-unavailable', 'drawn by the seed', { retriable: true })
    const flaky = async <T>(act: () => Promise<T>): Promise<T> => {
      const fate = this.#calm ? 9 : this.#random(10)
      if (fate === 0) throw away()
      const result = await act()
      if (fate === 1) throw away()
      return result
    }
    return {
      generation: () => flaky(() => writer.generation()),
      checkpoints: (id) => flaky(() => writer.checkpoints(id)),
      commit: (commit) => {
        this.commits += 1
        return flaky(() => writer.commit(commit))
      },
      pour: (pour) => flaky(() => writer.pour(pour)),
      mark: (id, mark) => writer.mark(id, mark),
      report: (partition, problem) => writer.report(partition, problem),
    }
  }
}
