import * as fc from 'fast-check'
import { unreachable } from '../../src/errors.ts'
import type { Mutation } from '../../src/mutation.ts'
import type { Epoch, ViewState } from '../../src/store/state.ts'
import type { ViewStore } from '../../src/store/store.ts'
import { topicPartitionName } from '../../src/position.ts'
import { add, cellsOf, put, tallyLayout, unput, widerTallyLayout } from '../support/view-layouts.ts'
import type { Suite } from './conformance.ts'
import { memoryHarness } from './memory-harness.ts'
import {
  aBarrier,
  aBeginning,
  aCommit,
  aDoubt,
  aParked,
  checkpoint,
  declared,
  elsewhere,
  everyKey,
  everyParked,
  everywhere,
  offset,
  partitions,
  topics,
} from './store-fixture.ts'

const keys = ['1', '2', '3', '9223372036854775807']
const items = ['a', 'b', '\uFFFF', '😀', '|1:x;']
const limit = 2n ** 63n - 1n
const cellMost = 2n ** 53n - 1n
const layouts = { narrow: tallyLayout, wide: widerTallyLayout } as const
const amounts = fc.oneof(
  { weight: 8, arbitrary: fc.bigInt({ min: -2n, max: 3n }).filter((amount) => amount !== 0n) },
  { weight: 1, arbitrary: fc.constantFrom(limit, -limit, limit / 2n) },
)
const cellAmounts = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(1n, 1n, 1n, -1n, -1n, 2n) },
  { weight: 1, arbitrary: fc.constantFrom(cellMost, -cellMost, cellMost - 1n) },
)
const cellsByItem = fc.dictionary(fc.constantFrom(...items), cellAmounts, { minKeys: 1 })
const tallyNames = ['topArtists', 'firstListens', 'lastListens', 'hidden', 'topAlbums']
const layout = fc.constantFrom('narrow' as const, 'wide' as const)
const partition = fc.constantFrom(...partitions)
const ticket = fc.constantFrom('t', 'u')
const name = fc.constantFrom('a', 'b')
const some = fc.subarray(keys)
const seldom = fc.integer({ min: 0, max: 9 }).map((value) => value === 0)
const small = fc.integer({ min: 0, max: 12 })

/** What happens to some of the keys; what only the wide layout has included. */
const batch = some.chain((chosen) => fc.tuple(...chosen.map(mutation)))

function mutation(entry: string): fc.Arbitrary<Mutation> {
  return fc
    .record({
      row: fc.constantFrom('leave', 'put', 'remove'),
      text: fc.option(fc.string({ unit: 'grapheme', maxLength: 5 })),
      add: fc.dictionary(fc.constantFrom('likeCount', 'tweetCount', 'mailCount'), amounts, {
        maxKeys: 2,
      }),
      cells: fc.oneof(
        fc.constant({}),
        fc.dictionary(fc.constantFrom(...tallyNames), cellsByItem, { maxKeys: 2 }),
      ),
    })
    .map(({ row, text, add: amount, cells }) => {
      const clean = text?.replaceAll('\0', '') ?? null
      const owning = row === 'put' ? put(entry, { name: clean, motto: clean }) : unput(entry)
      const mutated = row === 'leave' ? add(entry, amount) : { ...owning, add: amount }
      return Object.keys(cells).length === 0 ? mutated : { ...mutated, cells: cellsOf(cells) }
    })
}

const of = <Kind extends string, Parts extends object>(
  weight: number,
  kind: Kind,
  parts: { readonly [Name in keyof Parts]: fc.Arbitrary<Parts[Name]> },
) => ({
  weight,
  arbitrary: fc
    .tuple(seldom, fc.record(parts as Record<string, fc.Arbitrary<unknown>>))
    .map(([late, more]) => ({ kind, late, ...(more as Parts) })),
})

/** `late` is what somebody asks who knows an earlier epoch. */
const operation = fc.oneof(
  of(8, 'commit', { layout, partition, batch, shifted: seldom, parks: seldom, doubts: seldom }),
  of(3, 'look', { layout, some, ticket }),
  of(2, 'look-items', {
    key: fc.constantFrom(...keys),
    tally: fc.constantFrom(...tallyNames),
    ticket,
  }),
  of(5, 'correct', { layout, batch, ticket }),
  of(1, 'sweep', { some }),
  of(3, 'progress', { stale: seldom, ends: fc.subarray(['a', 'b']), completes: fc.boolean() }),
  of(2, 'advance', { lsn: small, end: small, history: fc.constantFrom('x', 'y') }),
  of(1, 'publish', { number: small, forget: fc.uniqueArray(small, { maxLength: 2 }) }),
  of(1, 'turn', {
    how: fc.constantFrom('forward' as const, 'anew' as const),
    which: fc.constantFrom([], ['users/0'], ['likes/0', 'users/1']),
    to: small,
    doubts: fc.subarray(['a', 'b']),
    fewer: seldom,
    only: seldom,
  }),
  of(1, 'observe', { stale: seldom, name }),
  of(1, 'raise', { name }),
  of(1, 'report', {
    place: fc.constantFrom('users/0', 'likes/0', 'connector'),
    clears: fc.boolean(),
  }),
  of(1, 'lease', { holder: name, declaration: name, over: fc.boolean() }),
  of(1, 'want', { declaration: name }),
  of(1, 'open', {}),
  of(1, 'clear-parked', {}),
  of(1, 'lose', { what: fc.constantFrom('state', 'users/0', 'likes/0') }),
  of(1, 'copy', {}),
  of(1, 'set-back', {}),
)
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never

/** A store with what a test may do to it, and what it copied last. */
type Side = {
  readonly store: ViewStore
  readonly harness: Pick<Suite['harness'], 'loseState' | 'loseCheckpoint' | 'copy'>
  setBack: (() => Promise<void>) | undefined
}

/** Any operations in any order: after each, the store holds and answers what the model does. */
export function describeRandomOperations(suite: Suite): void {
  test('random operations leave what the model has', async () => {
    const seed = Number(process.env.MILLRACE_TEST_SEED ?? Date.now() % 2 ** 31)
    const property = fc.asyncProperty(
      fc.array(operation, { maxLength: 40 }),
      async (operations) => {
        await suite.harness.reset()
        const harness = memoryHarness()
        const model: Side = { store: await harness.open(), harness, setBack: undefined }
        const tried: Side = {
          ...suite,
          store: suite.store,
          harness: suite.harness,
          setBack: undefined,
        }
        for (const next of [{ kind: 'open', late: false } as const, ...operations]) {
          const expected = await outcome(model, next)
          expect({ seed, next, ...(await outcome(tried, next)) }).toEqual({
            seed,
            next,
            ...expected,
          })
        }
      },
    )
    await fc.assert(property, { seed, numRuns: 25, endOnFailure: true })
  }, 120_000)
}

/** What an operation answered, and all that the store holds afterwards, without ids and times. */
async function outcome(side: Side, next: Operation) {
  const { store } = side
  const before = await store.watchable.state()
  const answer = await run(side, next, before).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error) return { code: error.code }
    if (error instanceof Error && /mail|topAlbums|offset to go/.test(error.message))
      return 'refused'
    throw error
  })
  const status = await store.reader(tallyLayout, declared.id).status()
  const { state } = status
  const epoch = state?.epoch ?? elsewhere
  const found = [...(await everyKey(store))].toSorted()
  const read = await store.reader(widerTallyLayout, declared.id).read(keys)
  const look = async (kind: keyof typeof layouts) =>
    store.audit(layouts[kind]).look({ epoch, keys, ticket: undefined })
  return {
    answer,
    turned: state?.epoch !== before?.epoch,
    status: { ...status, ageMs: status.ageMs !== undefined, state: state && timeless(state) },
    read: 'doubts' in read ? { ...read, ageMs: 0, doubts: [...read.doubts].toSorted() } : read,
    found,
    looks: [await look('narrow'), await look('wide')],
    items: await itemsOf(store),
    records: await everyParked(store),
    barriers: await store.watchable.barriers(),
    wanted: await store.watchable.wanted(),
  }
}

/** Items of one tally that a scan finds. */
async function itemsOf(store: ViewStore) {
  const pages = keys.map((key) => store.tallies(tallyLayout).scan(key, 'topArtists', undefined))
  return (await Promise.all(pages)).map((page) => page.keys.toSorted())
}

function timeless({ doubts, ...state }: ViewState) {
  const standing = doubts.map((doubt) => ({ ...doubt, id: undefined, sinceMs: undefined }))
  return {
    ...state,
    epoch: undefined,
    instance: undefined,
    doubts: standing.toSorted((a, b) => Number(a.name > b.name) - Number(a.name < b.name)),
  }
}

async function run(side: Side, next: Operation, state: ViewState | undefined): Promise<unknown> {
  const { store, harness } = side
  const epoch = next.late ? elsewhere : (state?.epoch ?? elsewhere)
  const idOf = (doubt: string) => state?.doubts.find((each) => each.name === doubt)?.id ?? doubt
  switch (next.kind) {
    case 'commit':
      return commit(store, epoch, next)
    case 'look':
      return store.audit(layouts[next.layout]).look({ epoch, keys: next.some, ticket: next.ticket })
    case 'look-items': {
      const { key, tally, ticket: left } = next
      const question = { epoch, entry: key, tally, items, ticket: left }
      return store.tallies(widerTallyLayout).look(question)
    }
    case 'correct': {
      const step = { epoch, ticket: next.ticket, corrections: next.batch }
      return store.audit(layouts[next.layout]).correct(step)
    }
    case 'sweep':
      return store.audit(tallyLayout).sweep(epoch, next.some, ['motto', 'mailCount', 'topAlbums'])
    case 'progress': {
      const before = next.stale ? 'stale' : state?.pass
      const after = `${(state?.pass ?? '').length % 7}${state?.pass ?? ''}`
      const completed = next.completes ? [declared.id] : []
      const ended = next.ends.map(idOf)
      return store.audit(tallyLayout).progress({ epoch, before, after, ended, completed })
    }
    case 'advance': {
      const { lsn, end, history } = next
      const barrier = aBarrier(`0/${lsn.toString(16)}`, end, { history })
      return store.coordination.advance(epoch, barrier, 0)
    }
    case 'publish': {
      const barrier = aBarrier('0/1', 1, { number: next.number })
      return store.coordination.publish(barrier, next.forget)
    }
    case 'turn': {
      const doubts = (state?.doubts ?? []).filter((doubt) => next.doubts.includes(doubt.name))
      const turned = await store.coordination.turn({
        epoch,
        declarations: next.only ? [] : [{ ...declared, complete: next.to > 3 }],
        topics: next.fewer ? { users: 1 } : topics,
        restarts: [{ how: next.how, partitions: next.which }],
        offsets: everywhere(next.to),
        doubts: doubts.map((doubt) => ({ ...doubt, reason: 'turned' })),
      })
      return turned !== undefined
    }
    case 'observe': {
      const before = next.stale ? 'stale' : state?.fingerprint
      const after = `${(state?.fingerprint ?? '').length}`
      const doubts = [aDoubt(next.name, { reason: after })]
      return store.coordination.observe({ epoch, before, after, doubts })
    }
    case 'raise':
      return store.writer(tallyLayout).raise(epoch, aDoubt(next.name, { code: 'another-log' }))
    case 'report': {
      const problem = { code: 'c', message: 'm', hint: undefined, sinceMs: 1 }
      return store.writer(tallyLayout).report(next.place, next.clears ? undefined : problem)
    }
    case 'lease': {
      const { holder, declaration, over } = next
      return store.coordination.lease({ holder, declaration, over, ttlMs: 600_000 })
    }
    case 'want': {
      const { declaration } = next
      return store.watchable.want(() => ({
        declaration,
        adopt: next.late,
        prune: false,
        sweep: [],
      }))
    }
    case 'open':
      return (await store.coordination.open(aBeginning())) !== undefined
    case 'clear-parked':
      return store.reader(tallyLayout, declared.id).clearParked()
    case 'lose':
      return next.what === 'state' ? harness.loseState() : harness.loseCheckpoint(next.what)
    case 'copy':
      side.setBack = await harness.copy()
      return undefined
    case 'set-back':
      return side.setBack?.()
    default:
      return unreachable(next)
  }
}

type RandomCommit = Extract<Operation, { kind: 'commit' }>

async function commit(store: ViewStore, epoch: Epoch, next: RandomCommit) {
  const writer = store.writer(layouts[next.layout])
  const found = (await writer.checkpoints(epoch)).get(topicPartitionName(next.partition))
  const from = (found?.next ?? 0n) + (next.shifted ? 1n : 0n)
  return writer.commit(
    aCommit(epoch, {
      partition: next.partition,
      from: offset(from),
      to: checkpoint(from + 1n, { keySchema: Number(from) }),
      mutations: next.batch,
      parked: next.parks ? [aParked(Number(from), { partition: next.partition })] : [],
      doubts: next.doubts ? [aDoubt('a', { barrier: Number(from) }), aDoubt('b')] : [],
    }),
  )
}
