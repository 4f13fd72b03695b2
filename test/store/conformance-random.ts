import * as fc from 'fast-check'
import { memoryStore } from '../../src/store/memory/memory-store.ts'
import { unreachable } from '../../src/errors.ts'
import type { Mutation } from '../../src/mutation.ts'
import type { Checkpoint, GenerationId, ViewStore } from '../../src/store/store.ts'
import { topicPartitionName } from '../../src/position.ts'
import { add, put, unput, userLayout } from '../support/view-layouts.ts'
import type { Suite } from './conformance.ts'
import {
  aBarrier,
  aCommit,
  aParked,
  aPour,
  checkpoint,
  dropAll,
  everyEntry,
  everyParked,
  offset,
  partitions,
  topics,
} from './store-fixture.ts'

const keys = ['1', '2', '3', '9223372036854775807']
const limit = 2n ** 63n - 1n
const counts = fc.constantFrom('likeCount', 'tweetCount')
const amounts = fc.oneof(
  { weight: 8, arbitrary: fc.bigInt({ min: -2n, max: 3n }).filter((amount) => amount !== 0n) },
  { weight: 1, arbitrary: fc.constantFrom(limit, -limit, limit / 2n) },
)
const mutation = (entry: string): fc.Arbitrary<Mutation> =>
  fc
    .record({
      row: fc.constantFrom('leave', 'put', 'remove'),
      name: fc.option(fc.string({ unit: 'grapheme', maxLength: 5 })),
      add: fc.dictionary(counts, amounts, { maxKeys: 2 }),
    })
    .map(({ row, name, add: amount }) => {
      const clean = name?.replaceAll('\0', '') ?? null
      const owning = row === 'put' ? put(entry, { name: clean }) : unput(entry)
      return row === 'leave' ? add(entry, amount) : { ...owning, add: amount }
    })
const batch = fc
  .subarray(keys)
  .chain((some) => fc.tuple(...some.map(mutation)))
  .map((mutations): readonly Mutation[] => mutations)
const partition = fc.constantFrom(...partitions)
const seldom = fc.integer({ min: 0, max: 9 }).map((value) => value === 0)

const operation = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('commit' as const),
      partition,
      batch,
      shifted: seldom,
      parks: seldom,
      unparks: seldom,
      marks: seldom,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('pour' as const),
      partition,
      batch,
      shifted: seldom,
      live: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('advance' as const),
      lsn: fc.integer({ min: 1, max: 20 }),
      end: fc.integer({ min: 0, max: 12 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('open' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('drop' as const, 'mark' as const, 'stale' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('report' as const), partition, clear: fc.boolean() }),
  },
)
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never

/** Any operations in any order: after each, the store holds and answers what the model does. */
export function describeRandomOperations(suite: Suite): void {
  test('random operations leave what the model has', async () => {
    const seed = Number(process.env.MILLRACE_TEST_SEED ?? Date.now() % 2 ** 31)
    const property = fc.asyncProperty(
      fc.array(operation, { maxLength: 40 }),
      async (operations) => {
        await suite.harness.reset()
        const pair = [memoryStore(userLayout), await suite.another()] as const
        for (const next of [{ kind: 'open' } as const, ...operations]) {
          const [expected, actual] = [await outcome(pair[0], next), await outcome(pair[1], next)]
          expect({ seed, next, ...actual }).toEqual({ seed, next, ...expected })
        }
      },
    )
    await fc.assert(property, { seed, numRuns: 25, endOnFailure: true })
  }, 60_000)
}

/** What an operation answered, and all that the store holds afterwards; ids are left out. */
async function outcome(store: ViewStore, next: Operation) {
  const before = await store.writer.generation()
  const id = before?.id ?? ('none' as GenerationId)
  const answer = await run(store, id, next).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error) return { code: error.code }
    throw error
  })
  const { generation, parked, problems } = await store.reader.status()
  const read = await store.reader.read(keys)
  return {
    answer,
    state: generation && { ...generation, id: undefined },
    parked,
    problems,
    read,
    same: (await store.writer.generation())?.id === before?.id,
    checkpoints: generation && (await store.writer.checkpoints(generation.id)),
    entries: new Map([...(await everyEntry(store))].toSorted(byKey)),
    records: await everyParked(store),
  }
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return Number(a > b) - Number(a < b)
}

async function run(store: ViewStore, id: GenerationId, next: Operation): Promise<unknown> {
  const { writer, coordination } = store
  const found = await writer.checkpoints(id)
  switch (next.kind) {
    case 'commit':
      return writer.commit(commitOf(id, next, found.get(topicPartitionName(next.partition))))
    case 'pour': {
      const { phase = 'pouring', poured = 0 } = found.get(topicPartitionName(next.partition)) ?? {}
      const calls = phase === 'live' || next.shifted ? 0 : poured
      const to = checkpoint(5, { phase: next.live ? 'live' : 'pouring', poured: calls + 1 })
      const { partition: where, batch: mutations } = next
      return writer.pour(aPour(id, { partition: where, poured: calls, to, mutations }))
    }
    case 'advance': {
      const barrier = aBarrier(`0/${next.lsn.toString(16)}`, next.end)
      await coordination.publish(id, barrier)
      return coordination.advance(id, barrier)
    }
    case 'open': {
      const opened = await coordination.open(topics)
      return opened && { ...opened, id: undefined }
    }
    case 'drop':
      return dropAll(store)
    case 'mark':
      return writer.mark(id, { code: 'a', reason: 'b', atMs: 1 })
    case 'stale':
      return writer.commit(aCommit('stale' as GenerationId))
    case 'report': {
      const problem = { code: 'c', message: 'm', hint: undefined, sinceMs: 1 }
      return writer.report(next.partition, next.clear ? undefined : problem)
    }
    default:
      return unreachable(next)
  }
}

type RandomCommit = Extract<Operation, { kind: 'commit' }>

function commitOf(id: GenerationId, next: RandomCommit, found: Checkpoint | undefined) {
  const from = (found?.next ?? offset(0)) + (next.shifted ? 1n : 0n)
  return aCommit(id, {
    partition: next.partition,
    from: offset(from),
    to: checkpoint(from + 1n, { keySchema: Number(from) }),
    mutations: next.batch,
    parked: next.parks ? [aParked(Number(from), { partition: next.partition })] : [],
    unparked: next.unparks ? [offset(5), offset(6)] : [],
    mark: next.marks ? { code: `at ${from}`, reason: 'random', atMs: 1 } : undefined,
  })
}
