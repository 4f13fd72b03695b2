import { setImmediate as tick } from 'node:timers/promises'
import { pino } from 'pino'
import { Coordinator, type CoordinatorParts } from '../../src/bootstrap/coordinator.ts'
import type { Clock } from '../../src/clock.ts'
import { MillraceError } from '../../src/errors.ts'
import { lsnFromInteger, parseTopicPartition, type KafkaOffset } from '../../src/position.ts'
import { memoryStore } from '../../src/store/memory/memory-store.ts'
import type { Checkpoint, ViewStore } from '../../src/store/store.ts'
import { userInformation as view } from '../../src/views/user-information.ts'

const topics = { users: 1, tweets: 1 }

/** A coordinator over the memory store, with a clock that moves as it sleeps. */
function world(overrides: Partial<CoordinatorParts> = {}) {
  const state = { nowMs: 0, lsn: 100, end: 5n, snapshot: false, partitions: { ...topics } }
  const clock: Clock = {
    wallMs: () => state.nowMs,
    monotonicMs: () => state.nowMs,
    sleep: async (ms) => {
      state.nowMs += ms
      await tick()
    },
  }
  const store = memoryStore(view.layout, clock)
  const ends = () =>
    new Map(Object.keys(topics).map((topic) => [`${topic}/0`, state.end as KafkaOffset]))
  const parts: CoordinatorParts = {
    store,
    clock,
    log: pino({ level: 'silent' }),
    source: {
      mark: async () => lsnFromInteger((state.lsn += 10)),
      end: async () => lsnFromInteger(1_000_000),
    },
    connector: {
      committed: async () => ({
        commitLsn: lsnFromInteger(state.lsn + 5),
        snapshot: state.snapshot,
      }),
    },
    admin: {
      ends: async () => ends(),
      partitions: async () => state.partitions,
      settings: async () => ({}),
      create: async () => undefined,
      close: async () => undefined,
    },
    topics: Object.keys(topics),
    checkSource: async () => undefined,
    holder: 'one',
    leaseMs: 1_000,
    barrierIntervalMs: 1_000,
    barrierIdleMs: 5_000,
    ...overrides,
  }
  return { state, store, parts, coordinator: new Coordinator(parts) }
}

async function runFor(coordinator: Coordinator, done: () => Promise<boolean>): Promise<boolean> {
  const stop = new AbortController()
  const running = coordinator.run(stop.signal)
  let reached = false
  for (let turn = 0; turn < 400 && !reached; turn += 1) {
    await tick()
    reached = await done()
  }
  stop.abort()
  await running
  return reached
}

async function pourAll(store: ViewStore, next: bigint): Promise<void> {
  const generation = (await store.writer.generation())!
  for (const name of ['users/0', 'tweets/0']) {
    const to: Checkpoint = {
      phase: 'live',
      poured: 1,
      next: next as KafkaOffset,
      last: undefined,
      windowFrom: next as KafkaOffset,
      windowAtMs: 0,
      atMs: 0,
      keySchema: undefined,
    }
    const partition = parseTopicPartition(name)
    const pour = { generation: generation.id, partition, poured: 0, to, mutations: [], parked: [] }
    await store.writer.pour(pour)
  }
}

const phase = async (store: ViewStore) => (await store.writer.generation())?.phase

test('opens a generation where there is none, and serves it when all partitions have passed', async () => {
  const { coordinator, store } = world()
  expect(await runFor(coordinator, async () => (await phase(store)) === 'building')).toBe(true)
  await pourAll(store, 4n)
  expect(await runFor(coordinator, async () => (await phase(store)) === 'serving')).toBe(false)
})

test('the watermark moves on while nothing is written', async () => {
  const { coordinator, store } = world()
  await runFor(coordinator, async () => (await phase(store)) === 'building')
  await pourAll(store, 5n)
  const watermarks = new Set<bigint>()
  const moved = async () => {
    const watermark = (await store.writer.generation())?.watermark
    if (watermark !== undefined) watermarks.add(watermark)
    return watermarks.size >= 3
  }
  expect(await runFor(coordinator, moved)).toBe(true)
})

test('a marked view is built anew, but not while the source is still in its snapshot', async () => {
  const { coordinator, store, state } = world()
  await runFor(coordinator, async () => (await phase(store)) === 'building')
  const first = (await store.writer.generation())!.id
  await store.writer.mark(first, { code: 'by-hand', reason: 'test', atMs: 0 })
  const renewed = async () => {
    const generation = await store.writer.generation()
    return generation !== undefined && generation.id !== first && generation.phase === 'building'
  }
  state.snapshot = true
  expect(await runFor(coordinator, renewed)).toBe(false)
  state.snapshot = false
  expect(await runFor(coordinator, renewed)).toBe(true)
})

test('a view that waits for its rebuild still moves on', async () => {
  const { coordinator, store } = world()
  const serveAndMark = async () => {
    await runFor(coordinator, async () => (await phase(store)) === 'building')
    await pourAll(store, 5n)
    await runFor(coordinator, async () => (await phase(store)) === 'serving')
    const generation = (await store.writer.generation())!
    await store.writer.mark(generation.id, { code: 'by-hand', reason: 'test', atMs: 0 })
    return generation
  }
  // Each rebuild makes the pause before the next one longer.
  for (let rebuild = 0; rebuild < 5; rebuild += 1) await serveAndMark()
  const { id, watermark } = await serveAndMark()
  const rose = async () => {
    const now = (await store.writer.generation())!
    return now.id === id && now.watermark! > watermark!
  }
  expect(await runFor(coordinator, rose)).toBe(true)
})

test('a source that is no longer fit marks the view, and its watermark stands', async () => {
  let fit = true
  const checkSource = async () => {
    if (!fit) throw new MillraceError('source-unfit', 'no publication', { retriable: true })
  }
  const { coordinator, store, state } = world({ checkSource })
  await runFor(coordinator, async () => (await phase(store)) === 'building')
  await pourAll(store, 5n)
  await runFor(coordinator, async () => (await phase(store)) === 'serving')
  fit = false
  state.nowMs += 60_000
  const marked = async () => (await store.writer.generation())?.mark?.code === 'source-unfit'
  expect(await runFor(coordinator, marked)).toBe(true)
})

test('other partitions are not taken over by a rebuild that nobody asked for', async () => {
  const { coordinator, store, state } = world()
  await runFor(coordinator, async () => (await phase(store)) === 'building')
  const { id } = (await store.writer.generation())!
  state.partitions = { users: 2, tweets: 1 }
  await store.writer.mark(id, { code: 'too-old', reason: 'test', atMs: 0 })
  const renewed = async () => (await store.writer.generation())?.id !== id
  expect(await runFor(coordinator, renewed)).toBe(false)
})

test('does nothing while another one holds the lease', async () => {
  const { coordinator, store } = world()
  await store.coordination.lease('another', 1_000_000)
  expect(await runFor(coordinator, async () => (await phase(store)) !== undefined)).toBe(false)
})

test('opens nothing while the source is not set up', async () => {
  const checkSource = async () => {
    throw new MillraceError('source-unfit', 'no publication', { retriable: true })
  }
  const { coordinator, store } = world({ checkSource })
  expect(await runFor(coordinator, async () => (await phase(store)) !== undefined)).toBe(false)
})

test('stops where a topic has other partitions than the view was built from', async () => {
  const { coordinator, store, state } = world()
  await runFor(coordinator, async () => (await phase(store)) === 'building')
  await pourAll(store, 5n)
  state.partitions = { users: 2, tweets: 1 }
  expect(await runFor(coordinator, async () => (await phase(store)) === 'serving')).toBe(false)
  const { problems } = await store.reader.status()
  expect(problems.get('users/1')).toMatchObject({ code: 'partitions-changed' })
})

test('a Connect that is away is told once, and once that it is back', async () => {
  const lines: string[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) })
  let asked = 0
  const { coordinator, store } = world({
    log,
    connector: {
      committed: async () => {
        asked += 1
        if (asked > 10) return { commitLsn: lsnFromInteger(100_000), snapshot: false }
        throw new MillraceError('connect-unavailable', 'away', { retriable: true })
      },
    },
  })
  await runFor(coordinator, async () => (await phase(store)) === 'building')
  await pourAll(store, 4n)
  await runFor(coordinator, async () => asked > 12)
  const told = (message: string) => lines.filter((line) => line.includes(message)).length
  expect([told('coordination waits'), told('coordination goes on')]).toEqual([1, 1])
})
