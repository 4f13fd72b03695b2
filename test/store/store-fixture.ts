import { parseKafkaOffset, parseLsn, parseTopicPartition } from '../../src/position.ts'
import type { Mutation } from '../../src/mutation.ts'
import type {
  Barrier,
  Checkpoint,
  Commit,
  GenerationId,
  ParkedRecord,
  Pour,
  StoredEntry,
  ViewStore,
} from '../../src/store/store.ts'
import { put } from '../support/view-layouts.ts'

/** One implementation of the contract, and what a test may do to it behind its back. */
export type StoreHarness = {
  /** A client; every one sees the same data. */
  open(): Promise<ViewStore>
  /** Removes everything, as if the server were new. */
  reset(): Promise<void>
  /** Ends the server; called once, also when a test failed. */
  stop(): Promise<void>
  /** Removes the state alone, and leaves all other keys. */
  loseState?(): Promise<void>
  /** Removes one partition's checkpoint. */
  loseCheckpoint?(partition: string): Promise<void>
  /** Sets one partition's checkpoint back, as a failover to an old replica does. */
  setBack?(partition: string, next: bigint): Promise<void>
}

/**
 * Sets a store up once for the tests of a file or block, and gives each of them a client of it,
 * empty. What the answer is called with is closed after the test as well.
 */
export function storeForEachTest<Harness extends StoreHarness>(
  setUp: () => Promise<Harness>,
  use: (harness: Harness, store: ViewStore) => void,
): (client: ViewStore) => void {
  let harness: Harness | undefined
  const opened: ViewStore[] = []
  beforeAll(async () => {
    harness = await setUp()
  }, 60_000)
  afterAll(async () => {
    await harness?.stop()
  }, 30_000)
  beforeEach(async () => {
    await harness!.reset()
    const store = await harness!.open()
    opened.push(store)
    use(harness!, store)
  })
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((client) => client.close()))
  })
  return (client) => void opened.push(client)
}

export const topics = { users: 2, likes: 1 }
export const users0 = parseTopicPartition('users/0')
export const users1 = parseTopicPartition('users/1')
export const likes0 = parseTopicPartition('likes/0')
export const partitions = [users0, users1, likes0]

export const offset = (value: bigint | number) => parseKafkaOffset(String(value))

export function checkpoint(next: bigint | number, given: Partial<Checkpoint> = {}): Checkpoint {
  return {
    phase: 'live',
    poured: 1,
    next: offset(next),
    last: undefined,
    windowFrom: offset(0),
    windowAtMs: 1_700_000_000_000,
    atMs: 1_700_000_000_500,
    keySchema: undefined,
    ...given,
  }
}

export function aPour(generation: GenerationId, given: Partial<Pour> = {}): Pour {
  const { poured = 0 } = given
  return {
    generation,
    partition: users0,
    poured,
    to: checkpoint(10, { poured: poured + 1 }),
    mutations: [],
    parked: [],
    ...given,
  }
}

export function aCommit(generation: GenerationId, given: Partial<Commit> = {}): Commit {
  return {
    generation,
    partition: users0,
    from: offset(10),
    to: checkpoint(20),
    mutations: [],
    parked: [],
    unparked: [],
    mark: undefined,
    markBelowZero: { code: 'below-zero', reason: 'no rows explain it', atMs: 1_700_000_000_000 },
    ...given,
  }
}

export function aBarrier(lsn: string, end: number | bigint, given: Partial<Barrier> = {}): Barrier {
  const ends = new Map(
    partitions.map(({ topic, partition }) => [`${topic}/${partition}`, offset(end)]),
  )
  return { lsn: parseLsn(lsn), from: ends, ends, takenAtMs: 1_700_000_000_000, ...given }
}

export function aParked(at: number, given: Partial<ParkedRecord> = {}): ParkedRecord {
  return {
    partition: users0,
    offset: offset(at),
    timestampMs: 1_700_000_000_000,
    key: new Uint8Array([0, 255, 10]),
    value: null,
    phase: 'live',
    reason: 'bytes that fit no schema',
    ...given,
  }
}

/** A generation whose three partitions are live at 10, with these sums poured, serving at 0/10. */
export async function serving(store: ViewStore, mutations: readonly Mutation[] = []) {
  const id = await building(store, mutations)
  expect(await store.coordination.advance(id, aBarrier('0/10', 10))).toBe(true)
  return id
}

export async function building(store: ViewStore, mutations: readonly Mutation[] = []) {
  const generation = await store.coordination.open(topics)
  if (!generation) throw new Error('there was a state already')
  for (const partition of partitions) {
    const sums = partition === users0 ? mutations : []
    const pour = aPour(generation.id, { partition, mutations: sums })
    expect((await store.writer.pour(pour)).kind).toBe('applied')
  }
  return generation.id
}

export async function everyEntry(store: ViewStore): Promise<ReadonlyMap<string, StoredEntry>> {
  const entries = new Map<string, StoredEntry>()
  for await (const page of store.reader.scan()) {
    for (const entry of page) entries.set(entry.key, entry)
  }
  return entries
}

export async function everyParked(store: ViewStore): Promise<readonly ParkedRecord[]> {
  const records: ParkedRecord[] = []
  for await (const record of store.reader.parked()) records.push(record)
  return records
}

/** Drops the generation that stands there now. */
export async function dropAll(store: ViewStore): Promise<void> {
  const seen = (await store.writer.generation())?.id
  for await (const removed of store.coordination.drop(seen)) {
    expect(removed).toBeGreaterThanOrEqual(0)
  }
}

/** Users `from` to `from + count - 1`. */
export function manyPuts(from: number, count: number): readonly Mutation[] {
  return Array.from({ length: count }, (_, index) => put(String(from + index)))
}

export async function one(store: ViewStore, key: string) {
  const result = await store.reader.read([key])
  if (result.kind !== 'serving') throw new Error(`not serving: ${result.phase}`)
  return result.entries[0]
}
