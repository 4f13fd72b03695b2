import { parseKafkaOffset, parseLsn, parseTopicPartition } from '../../src/position.ts'
import type { Mutation, ViewLayout } from '../../src/mutation.ts'
import type { Beginning, Turn } from '../../src/store/coordination.ts'
import { decodeEntry, type LookedAt } from '../../src/store/entry-text.ts'
import { limits } from '../../src/store/limits.ts'
import type { ViewReader } from '../../src/store/reader.ts'
import type {
  Barrier,
  Checkpoint,
  Doubt,
  Epoch,
  KeptDeclaration,
  ParkedRecord,
  ViewState,
} from '../../src/store/state.ts'
import type { ViewStore } from '../../src/store/store.ts'
import type { Commit } from '../../src/store/writer.ts'
import { parseSnapshot, parseTransactionId } from '../../src/transaction.ts'
import { put, userLayout } from '../support/view-layouts.ts'

/** One implementation of the contracts, and what a test may do to it behind its back. */
export type StoreHarness = {
  /** A client of the view, of `user-information` by default; every one sees the same data. */
  open(view?: Pick<ViewLayout, 'name' | 'key'>): Promise<ViewStore>
  /** Removes everything, as if the server were new. */
  reset(): Promise<void>
  /** Ends the server; called once, also when a test failed. */
  stop(): Promise<void>
  /** Removes the view's state alone, and leaves entries, checkpoints and all else. */
  loseState(): Promise<void>
  /** Leaves the view's state as an earlier release has begun it, without an instance. */
  loseInstance(): Promise<void>
  /** Removes one partition's checkpoint. */
  loseCheckpoint(partition: string): Promise<void>
  /** Copies all that the store holds; the answer sets the store back to that. */
  copy(): Promise<() => Promise<void>>
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
export const elsewhere = 'another' as Epoch

export const offset = (value: bigint | number) => parseKafkaOffset(String(value))

/** `{ 'users/0': 7 }` as offsets by partition. */
export function offsets(given: Readonly<Record<string, bigint | number>>) {
  return new Map(Object.entries(given).map(([name, value]) => [name, offset(value)] as const))
}

/** The same offset for every partition of `topics`. */
export function everywhere(value: bigint | number) {
  return offsets({ 'users/0': value, 'users/1': value, 'likes/0': value })
}

export function checkpoint(next: bigint | number, given: Partial<Checkpoint> = {}): Checkpoint {
  return {
    next: offset(next),
    last: undefined,
    windowFrom: offset(0),
    keySchema: undefined,
    ...given,
  }
}

/** What readers in these tests read, unless they say otherwise. */
export const declared: KeptDeclaration = {
  id: 'd1',
  declaration: '{"name":"user-information","é":"\\""}',
  complete: false,
}

export function aBeginning(given: Partial<Beginning> = {}): Beginning {
  const begun = partitions.map(
    ({ topic, partition }) => [`${topic}/${partition}`, checkpoint(10)] as const,
  )
  return {
    declaration: declared,
    topics,
    checkpoints: new Map(begun),
    fingerprint: '{"tables":1}',
    barrier: aBarrier('0/8', 10, { number: 1 }),
    ...given,
  }
}

export function aCommit(epoch: Epoch, given: Partial<Commit> = {}): Commit {
  return {
    epoch,
    partition: users0,
    from: offset(10),
    to: checkpoint(20),
    mutations: [],
    parked: [],
    doubts: [],
    ...given,
  }
}

export function aTurn(epoch: Epoch, given: Partial<Turn> = {}): Turn {
  return {
    epoch,
    declarations: [{ ...declared, complete: true }],
    topics,
    restarts: [],
    offsets: new Map(),
    doubts: [],
    ...given,
  }
}

export function aBarrier(lsn: string, end: number | bigint, given: Partial<Barrier> = {}): Barrier {
  return {
    number: 2,
    lsn: parseLsn(lsn),
    transaction: parseTransactionId('4294967301'),
    snapshot: parseSnapshot('4294967290:4294967301:4294967295'),
    history: '7391/1',
    from: everywhere(end),
    ends: everywhere(end),
    takenAtMs: 1_700_000_000_000,
    ...given,
  }
}

export function aDoubt(name: string, given: Partial<Doubt> = {}): Doubt {
  return {
    name,
    code: 'unusable-change',
    reason: 'a change came "without" its é earlier values',
    hint: undefined,
    tables: [],
    keys: [],
    offsets: new Map(),
    barrier: 0,
    restart: undefined,
    ...given,
  }
}

export function aParked(at: number, given: Partial<ParkedRecord> = {}): ParkedRecord {
  return {
    partition: users0,
    offset: offset(at),
    timestampMs: 1_700_000_000_000,
    parkedAtMs: 1_700_000_000_500,
    key: new Uint8Array([0, 255, 10]),
    value: null,
    reason: 'bytes that fit no schema',
    ...given,
  }
}

/** A view that was begun with every checkpoint at 10, and holds what these mutations leave. */
export async function building(store: ViewStore, mutations: readonly Mutation[] = []) {
  const epoch = await store.coordination.open(aBeginning())
  if (!epoch) throw new Error('there was a state already')
  const stays = { to: checkpoint(10), mutations }
  expect(await store.writer(userLayout).commit(aCommit(epoch, stays))).toMatchObject({
    kind: 'applied',
  })
  return epoch
}

/** The same, served to readers of `declared` with its watermark at 0/10. */
export async function serving(store: ViewStore, mutations: readonly Mutation[] = []) {
  const epoch = await building(store, mutations)
  await progress(store, { completed: [declared.id] })
  expect(await store.coordination.advance(epoch, aBarrier('0/10', 10), 0)).toBe(true)
  return epoch
}

type Progress = { readonly ended?: readonly string[]; readonly completed?: readonly string[] }

/** The next step of the view's pass, whatever its last one was. */
export async function progress(store: ViewStore, { ended = [], completed = [] }: Progress) {
  const { epoch, pass } = await stateOf(store)
  const after = `{"step":${Number(/\d+/.exec(pass ?? '0')) + 1}}`
  const next = { epoch, before: pass, after, ended, completed }
  expect(await store.audit(userLayout).progress(next)).toBe(true)
}

export function readerOf(store: ViewStore): ViewReader {
  return store.reader(userLayout, declared.id)
}

export async function stateOf(store: ViewStore): Promise<ViewState> {
  const state = await store.watchable.state()
  if (!state) throw new Error('there is no state')
  return state
}

/** The standing doubts by name. */
export async function doubtsOf(store: ViewStore) {
  const { doubts } = await stateOf(store)
  return new Map(doubts.map((doubt) => [doubt.name, doubt]))
}

export async function checkpointsOf(store: ViewStore): Promise<ReadonlyMap<string, Checkpoint>> {
  return store.writer(userLayout).checkpoints((await stateOf(store)).epoch)
}

/** Commits to `users/0` from `at` to the next offset. */
export async function step(store: ViewStore, at: number, mutations: readonly Mutation[]) {
  const { epoch } = await stateOf(store)
  const [from, to] = [offset(at), checkpoint(at + 1)]
  return store.writer(userLayout).commit(aCommit(epoch, { from, to, mutations }))
}

/** Every key that a scan finds, each once. */
export async function everyKey(
  store: ViewStore,
  layout: ViewLayout = userLayout,
): Promise<ReadonlySet<string>> {
  const keys = new Set<string>()
  const audit = store.audit(layout)
  let cursor: string | undefined
  do {
    const page = await audit.scan(cursor)
    for (const key of page.keys) keys.add(key)
    cursor = page.cursor
  } while (cursor !== undefined)
  return keys
}

/** Texts of these entries as one look answers them, without leaving a ticket. */
export async function texts(
  store: ViewStore,
  keys: readonly string[],
  layout: ViewLayout = userLayout,
): Promise<readonly string[]> {
  const { epoch } = await stateOf(store)
  const answer = await store.audit(layout).look({ epoch, keys, ticket: undefined })
  if (answer.kind === 'conflict') throw new Error('the epoch turned')
  return answer.texts
}

/** All that a scan finds, taken apart; undefined for what can't be read. */
export async function everyEntry(store: ViewStore, layout: ViewLayout = userLayout) {
  const keys = [...(await everyKey(store, layout))]
  const entries = new Map<string, LookedAt | undefined>()
  for (let at = 0; at < keys.length; at += limits.lookKeysMax) {
    const page = keys.slice(at, at + limits.lookKeysMax)
    const found = await texts(store, page, layout)
    page.forEach((key, index) => entries.set(key, decodeEntry(layout, found[index]!)))
  }
  return entries
}

export async function everyParked(store: ViewStore): Promise<readonly ParkedRecord[]> {
  const records: ParkedRecord[] = []
  for await (const record of readerOf(store).parked()) records.push(record)
  return records
}

/** Users `from` to `from + count - 1`. */
export function manyPuts(from: number, count: number): readonly Mutation[] {
  return Array.from({ length: count }, (_, index) => put(String(from + index)))
}

export async function one(store: ViewStore, key: string) {
  const result = await readerOf(store).read([key])
  if (result.kind !== 'serving') throw new Error(`not serving: ${result.phase}`)
  return result.entries[0]
}
