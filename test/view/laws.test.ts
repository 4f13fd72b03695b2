import * as fc from 'fast-check'
import type { Row, StreamedChange } from '../../src/change.ts'
import { consolidator, merge } from '../../src/view/consolidate.ts'
import { fold } from '../../src/view/fold.ts'
import type { Mutation } from '../../src/mutation.ts'
import { userInformation } from '../../examples/social/user-information.ts'
import { insert, remove, update } from '../support/builders.ts'

/** Entries as a plain store would hold them: what is nothing is not there. */
type State = Map<string, { fields: object | null; counts: Map<string, bigint> }>

function apply(state: State, mutations: readonly Mutation[]): State {
  for (const { entry, put, add } of mutations) {
    const found = state.get(entry) ?? { fields: null, counts: new Map<string, bigint>() }
    if (put !== undefined) found.fields = put
    for (const [name, amount] of Object.entries(add)) {
      const sum = (found.counts.get(name) ?? 0n) + amount
      if (sum === 0n) found.counts.delete(name)
      else found.counts.set(name, sum)
    }
    if (found.fields || found.counts.size > 0) state.set(entry, found)
    else state.delete(entry)
  }
  return state
}

function contributionsOf(change: StreamedChange): readonly Mutation[] {
  const folded = fold(userInformation, change)
  if (folded.kind === 'unusable') throw new Error(folded.reason)
  return folded.contributions
}

/** The mutations of a history cut into batches of these sizes. */
function inBatches(history: readonly StreamedChange[], sizes: readonly number[]): State {
  const state: State = new Map()
  const batch = consolidator()
  let [size = 1, ...others] = sizes
  let filled = 0
  for (const change of history) {
    batch.add(contributionsOf(change))
    filled += 1
    if (filled < size) continue
    apply(state, batch.take())
    filled = 0
    ;[size = 1, ...others] = others
  }
  return apply(state, batch.take())
}

const id = fc.bigInt({ min: 1n, max: 5n })
const name = fc.constantFrom('ada', 'bob', null)
const step = fc.oneof(
  fc.record({ table: fc.constant('users'), user: id, name, gone: fc.boolean() }),
  fc.record({ table: fc.constant('tweets'), tweet: id, user: fc.option(id), gone: fc.boolean() }),
  fc.record({ table: fc.constant('follows'), user: id, other: id, gone: fc.boolean() }),
  fc.record({ table: fc.constant('likes'), user: id, tweet: id, gone: fc.boolean() }),
)
type Step = {
  table: string
  user: bigint | null
  tweet?: bigint
  other?: bigint
  name?: string | null
  gone: boolean
}

/** A history that a database could have written, and the rows that it ends with. */
type History = {
  readonly changes: readonly StreamedChange[]
  readonly rows: readonly { table: string; row: Row }[]
}

function historyOf(steps: readonly Step[]): History {
  const rows = new Map<string, { table: string; row: Row }>()
  const changes: StreamedChange[] = []
  for (const each of steps) {
    const { table } = each
    const { key, row } = rowOf(each)
    const place = `${table} ${Object.values(key).join()}`
    const before = rows.get(place)?.row
    if (each.gone) {
      rows.delete(place)
      // The tables whose keys hold every group are captured by their keys alone.
      const whole = table === 'tweets' || table === 'users'
      if (before) changes.push(remove(table, key, whole ? before : undefined))
    } else {
      rows.set(place, { table, row })
      if (!before) changes.push(insert(table, key, row))
      else if (table === 'tweets' || table === 'users')
        changes.push(update(table, key, { before, after: row }))
      else changes.push(update(table, key, { after: row }))
    }
  }
  return { changes, rows: [...rows.values()] }
}

function rowOf({ table, user, tweet, other, name: text }: Step): { key: Row; row: Row } {
  switch (table) {
    case 'users': {
      const key = { user_id: user }
      return { key, row: { ...key, username: text ?? 'nobody', name: text ?? null } }
    }
    case 'tweets':
      return { key: { tweet_id: tweet! }, row: { user_id: user } }
    case 'follows': {
      const key = { follower_id: user, followee_id: other! }
      return { key, row: key }
    }
    default: {
      const key = { user_id: user, tweet_id: tweet! }
      return { key, row: { user_id: user } }
    }
  }
}

const history = fc.array(step, { maxLength: 60 }).map((steps) => historyOf(steps as Step[]))

/** What SQL would count over the rows, without any fold. */
function countDirectly({ rows }: History): State {
  const state: State = new Map()
  const entry = (key: unknown) => {
    const found = state.get(String(key)) ?? { fields: null, counts: new Map<string, bigint>() }
    state.set(String(key), found)
    return found
  }
  const count = (key: unknown, what: string) => {
    if (key === null) return
    const { counts } = entry(key)
    counts.set(what, (counts.get(what) ?? 0n) + 1n)
  }
  for (const { table, row } of rows) {
    if (table === 'users') entry(row['user_id']).fields = profileOf(row)
    if (table === 'tweets') count(row['user_id'], 'tweetCount')
    if (table === 'follows') count(row['follower_id'], 'followingCount')
    if (table === 'follows') count(row['followee_id'], 'followerCount')
    if (table === 'likes') count(row['user_id'], 'likeCount')
  }
  return state
}

function profileOf({ username, name: text }: Row): object {
  const nothing = [
    'description',
    'location',
    'webPageUrl',
    'joinedDate',
    'profileImageUrl',
    'backgroundImageUrl',
  ]
  return { username, name: text, ...Object.fromEntries(nothing.map((field) => [field, null])) }
}

const amounts = fc.dictionary(fc.constantFrom('a', 'b'), fc.constantFrom(-2n, -1n, 1n, 2n))
const put = fc.constantFrom(undefined, null, { name: 'x' }, { name: 'y' }, { name: null })
const mutation = fc.record({ entry: fc.constant('1'), put, add: amounts })

describe('the laws of the fold', () => {
  test('a history folds to what its last rows count', () => {
    fc.assert(
      fc.property(history, (given) => {
        expect(inBatches(given.changes, [given.changes.length])).toEqual(countDirectly(given))
      }),
    )
  })

  test('any batching gives the same state', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 9 }))
    fc.assert(
      fc.property(history, sizes, ({ changes }, batches) => {
        expect(inBatches(changes, batches)).toEqual(inBatches(changes, []))
      }),
    )
  })

  test('a retract undoes the row that it takes away', () => {
    fc.assert(
      fc.property(history, step, ({ changes }, last) => {
        const { key, row } = rowOf(last)
        const both = consolidator()
        both.add(contributionsOf(insert(last.table, key, row)))
        both.add(contributionsOf(remove(last.table, key, row)))
        const left = both.take()
        expect(left.flatMap(({ add }) => Object.keys(add))).toEqual([])
        if (last.table !== 'users') expect(left).toEqual([])
        const counts = (state: State) => [...state].map(([entry, each]) => [entry, each.counts])
        const before = inBatches(changes, [])
        if (last.table !== 'users')
          expect(counts(apply(inBatches(changes, []), left))).toEqual(counts(before))
      }),
    )
  })
})

describe('merging', () => {
  test('does not care about brackets', () => {
    fc.assert(
      fc.property(mutation, mutation, mutation, (a, b, c) => {
        expect(merge(merge(a, b), c)).toEqual(merge(a, merge(b, c)))
      }),
    )
  })

  test('is what applying one after the other does', () => {
    fc.assert(
      fc.property(mutation, mutation, (a, b) => {
        expect(apply(new Map(), [merge(a, b)])).toEqual(apply(new Map(), [a, b]))
      }),
    )
  })

  test('leaves out what does nothing, and gives one mutation an entry', () => {
    const batch = consolidator()
    const add = (entry: string, amount: bigint) =>
      batch.add([{ entry, put: undefined, add: { likeCount: amount } }])
    for (let at = 0; at < 5_000; at += 1) add('celebrity', 1n)
    add('other', 1n)
    add('other', -1n)
    expect(batch.size()).toBe(2)
    expect(batch.take()).toEqual([
      { entry: 'celebrity', put: undefined, add: { likeCount: 5_000n } },
    ])
    expect(batch.take()).toEqual([])
  })

  test('never changes what it was given', () => {
    const given = Object.freeze({ entry: '1', put: undefined, add: Object.freeze({ a: 1n }) })
    const batch = consolidator()
    batch.add([given, given])
    expect(batch.take()).toEqual([{ entry: '1', put: undefined, add: { a: 2n } }])
    expect(merge(given, given).add).toEqual({ a: 2n })
    expect(() => merge(given, { ...given, entry: '2' })).toThrow(/can't be merged/)
  })
})
