import { setImmediate as tick } from 'node:timers/promises'
import { pino } from 'pino'
import { GenerationWatch } from '../../src/bootstrap/generation-watch.ts'
import { keepPartition } from '../../src/bootstrap/partition.ts'
import type { Clock } from '../../src/clock.ts'
import type { Decoder } from '../../src/decode/decoder.ts'
import { MillraceError } from '../../src/errors.ts'
import { memoryStore } from '../../src/store/memory/memory-store.ts'
import type { Checkpoint, Generation, ViewWriter } from '../../src/store/store.ts'
import { userInformation as view } from '../../src/views/user-information.ts'
import { SimulatedLog, simulatedDecoder } from '../support/simulated-log.ts'

/** One worker on the topic `likes`, which some other one has poured up to offset 0. */
class OnePartition {
  readonly log = new SimulatedLog({ likes: 1 }, () => 1)
  readonly store = memoryStore(view.layout)
  readonly sleeps: number[] = []
  readonly reports: unknown[] = []
  readonly #stop = new AbortController()
  readonly clock: Clock = {
    wallMs: () => 1_000,
    monotonicMs: () => 0,
    sleep: async (ms) => {
      this.sleeps.push(ms)
      await tick()
    },
  }

  async open(): Promise<Generation> {
    return (await this.store.coordination.open({ likes: 1 }))!
  }

  async pour(generation: Generation, given: Partial<Checkpoint> = {}): Promise<void> {
    const zero = 0n as Checkpoint['next']
    const to: Checkpoint = {
      phase: 'live',
      poured: 1,
      next: zero,
      last: undefined,
      windowFrom: zero,
      windowAtMs: 0,
      atMs: 1_000,
      keySchema: 1,
      ...given,
    }
    const partition = { topic: 'likes', partition: 0 }
    const pour = { generation: generation.id, partition, poured: 0, to, mutations: [], parked: [] }
    await this.store.writer.pour(pour)
  }

  async run(turns: number, decoder: Decoder = simulatedDecoder): Promise<void> {
    const writer: ViewWriter = {
      ...bound(this.store.writer),
      report: async (partition, problem) => {
        this.reports.push(problem?.code)
        await this.store.writer.report(partition, problem)
      },
    }
    const store = { ...this.store, writer }
    const silent = pino({ level: 'silent' })
    // The watch polls on a clock of its own, so that the partition's pauses can be counted.
    const watch = new GenerationWatch(writer, { ...this.clock, sleep: () => tick() }, silent)
    const running = [
      watch.run(1, this.#stop.signal),
      keepPartition({
        view,
        table: 'likes',
        reader: this.log.reader('likes', 0, this.#stop.signal),
        decoder,
        store,
        watch,
        source: this.log,
        clock: this.clock,
        log: silent,
        lagMs: 10_000,
        entriesPerPourMax: 10,
        parkedMax: 0,
        identitiesMax: 100,
      }),
    ]
    for (let turn = 0; turn < turns; turn += 1) await tick()
    this.#stop.abort()
    await Promise.all(running)
  }
}

test('a partition that can not pass a record pauses longer each time, and says so once', async () => {
  const one = new OnePartition()
  await one.pour(await one.open())
  one.log.write('likes', { user_id: 1n, tweet_id: 1n }, { user_id: 1n })
  await one.run(300, {
    decode: () => {
      throw new MillraceError('column-gone', 'no column user_id')
    },
    keySchemaId: () => 1,
  })
  expect(one.reports).toEqual(['column-gone'])
  expect(one.sleeps.length).toBeGreaterThan(5)
  expect(Math.max(...one.sleeps.slice(5))).toBeGreaterThan(1_000)
})

test('what an earlier owner has reported ends when the partition moves', async () => {
  const one = new OnePartition()
  await one.pour(await one.open())
  const problem = { code: 'column-gone', message: '', hint: undefined, sinceMs: 0 }
  await one.store.writer.report({ topic: 'likes', partition: 0 }, problem)
  await one.run(50)
  expect((await one.store.reader.status()).problems.size).toBe(0)
})

test('a view that serves without a checkpoint is built anew', async () => {
  const one = new OnePartition()
  const generation = await one.open()
  await one.pour(generation)
  const barrier = one.log.barrier(() => undefined)
  expect(await one.store.coordination.advance(generation.id, barrier)).toBe(true)
  const checkpoints = one.store.writer.checkpoints.bind(one.store.writer)
  one.store.writer.checkpoints = async () => new Map()
  await one.run(50)
  one.store.writer.checkpoints = checkpoints
  expect((await one.store.writer.generation())?.mark?.code).toBe('checkpoint-missing')
})

test('the window of an idle partition stays young', async () => {
  const one = new OnePartition()
  const generation = await one.open()
  await one.pour(generation)
  const barrier = { ...one.log.barrier(() => undefined), takenAtMs: 777 }
  await one.store.coordination.publish(generation.id, barrier)
  await one.run(50)
  const checkpoint = (await one.store.writer.checkpoints(generation.id)).get('likes/0')
  expect(checkpoint?.windowAtMs).toBe(777)
})

function bound(writer: ViewWriter): ViewWriter {
  return {
    generation: () => writer.generation(),
    checkpoints: (id) => writer.checkpoints(id),
    commit: (commit) => writer.commit(commit),
    pour: (pour) => writer.pour(pour),
    mark: (id, mark) => writer.mark(id, mark),
    report: (partition, problem) => writer.report(partition, problem),
  }
}
