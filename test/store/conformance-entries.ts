import type { MillraceError } from '../../src/errors.ts'
import type { Mutation } from '../../src/mutation.ts'
import { limits } from '../../src/store/limits.ts'
import { add, put, unput, userFields, userLayout, widerLayout } from '../support/view-layouts.ts'
import type { Suite } from './conformance.ts'
import {
  aCommit,
  checkpoint,
  checkpointsOf,
  declared,
  everyEntry,
  everyKey,
  manyPuts,
  offset,
  one,
  readerOf,
  serving,
  stateOf,
  step,
  users1,
} from './store-fixture.ts'

const max = 2n ** 63n - 1n
const zeros = { tweetCount: 0n, followingCount: 0n, followerCount: 0n, likeCount: 0n }

/** What a batch does to entries, and what readers then meet. */
export function describeEntries(suite: Suite): void {
  describeAnEntry(suite)
  describeAField(suite)
  describeACounter(suite)
  describeTwoLayouts(suite)
  describeRead(suite)
}

function describeAnEntry(suite: Suite): void {
  describe('an entry', () => {
    test('is there while its owning row is, with every counter', async () => {
      await serving(suite.store)
      await step(suite.store, 10, [add('1', { likeCount: 2n }), put('2')])
      expect(await one(suite.store, '1')).toBeNull()
      expect(await one(suite.store, '2')).toEqual({ key: '2', fields: userFields(), counts: zeros })
      await step(suite.store, 11, [put('1', { name: 'Ada' })])
      const counts = { ...zeros, likeCount: 2n }
      const fields = userFields({ name: 'Ada' })
      expect(await one(suite.store, '1')).toEqual({ key: '1', fields, counts })
      await step(suite.store, 12, [unput('1'), unput('2')])
      expect(await one(suite.store, '1')).toBeNull()
      const left = { fields: null, counts, empty: false }
      expect(await everyEntry(suite.store)).toEqual(new Map([['1', left]]))
      await step(suite.store, 13, [add('1', { likeCount: -2n })])
      expect((await everyKey(suite.store)).size).toBe(0)
    })

    test('takes a put, a removal and amounts in one mutation', async () => {
      await serving(suite.store, [{ ...put('1'), add: { likeCount: 3n, tweetCount: max } }])
      await step(suite.store, 10, [{ ...unput('1'), add: { likeCount: -3n } }])
      const left = { fields: null, counts: { ...zeros, tweetCount: max }, empty: false }
      expect((await everyEntry(suite.store)).get('1')).toEqual(left)
      await step(suite.store, 11, [{ ...unput('1'), add: { tweetCount: -max } }])
      expect((await everyKey(suite.store)).size).toBe(0)
    })

    test('leaves nothing behind when it comes and goes', async () => {
      await serving(suite.store)
      await step(suite.store, 10, [unput('1'), put('2')])
      await step(suite.store, 11, [unput('2'), unput('3')])
      expect((await everyKey(suite.store)).size).toBe(0)
    })

    test('has every field replaced by a put', async () => {
      await serving(suite.store, [put('1', { name: 'Ada', location: 'London', joinedDate: null })])
      await step(suite.store, 10, [put('1', { username: 'x', description: '' })])
      const fields = userFields({ username: 'x', description: '' })
      expect((await one(suite.store, '1'))?.fields).toEqual(fields)
    })

    test('begins anew when its row comes again: nothing of the earlier row is left', async () => {
      const likes = { likeCount: 1n }
      await serving(suite.store, [{ ...put('1', { name: 'Ada' }), add: likes }])
      await step(suite.store, 10, [unput('1')])
      await step(suite.store, 11, [put('1')])
      const counts = { ...zeros, ...likes }
      expect(await one(suite.store, '1')).toEqual({ key: '1', fields: userFields(), counts })
    })
  })
}

function describeAField(suite: Suite): void {
  describe('a field', () => {
    test.each([
      '2026-11-21T10:18:00.000000Z',
      '0001-01-01T00:00:00.000001Z',
      '9999-12-31T23:59:59.999999Z',
      '0000-12-31T23:59:59.999999Z',
      '-0043-03-15T12:00:00.000000Z',
      '+10000-01-01T00:00:00.000000Z',
      '+294276-12-31T23:59:59.999999Z',
      'infinity',
      '-infinity',
    ])('is the time %s, to the microsecond', async (joinedDate) => {
      await serving(suite.store, [put('1', { joinedDate })])
      expect((await one(suite.store, '1'))?.fields).toEqual(userFields({ joinedDate }))
    })

    test.each([
      ['nothing', ''],
      ['line ends', '\n\r\t'],
      ['emoji and marks', '😀 \u202E\u{10FFFF}'],
      ['quotes and brackets', '"\'\\{},null'],
      ['5 kB', 'x'.repeat(5_000)],
      ['control characters', '\u0001\u007F'],
    ])('holds text of %s as it is', async (_, text) => {
      const fields = { username: text, name: text, description: null }
      await serving(suite.store, [put('1', fields)])
      expect((await one(suite.store, '1'))?.fields).toEqual(userFields(fields))
    })

    test('is known by all 64 bits of its key', async () => {
      const keys = ['9007199254740992', '9007199254740993', String(max), '-1', '0']
      await serving(
        suite.store,
        keys.map((key) => put(key, { name: key })),
      )
      const result = await readerOf(suite.store).read([...keys, '9007199254740994'])
      const names = result.kind === 'serving' && result.entries.map((entry) => entry?.fields.name)
      expect(names).toEqual([...keys, undefined])
    })
  })
}

function describeACounter(suite: Suite): void {
  describe('a counter', () => {
    test('is exact to the last of 64 bits', async () => {
      await serving(suite.store, [{ ...put('1'), add: { likeCount: 9_007_199_254_740_992n } }])
      await step(suite.store, 10, [add('1', { likeCount: 1n, tweetCount: -max - 1n })])
      const counts = { ...zeros, likeCount: 9_007_199_254_740_993n, tweetCount: -max - 1n }
      expect((await one(suite.store, '1'))?.counts).toEqual(counts)
      const rest = { likeCount: max - 9_007_199_254_740_993n, tweetCount: max }
      await step(suite.store, 11, [add('1', rest)])
      const after = { ...zeros, likeCount: max, tweetCount: -1n }
      expect((await one(suite.store, '1'))?.counts).toEqual(after)
    })

    test.each([
      ['above', max, 1n],
      ['below', -max - 1n, -1n],
      ['far above', max, max],
      ['at a carry', 9_223_372_029_999_999_999n, 6_854_775_809n],
      ['by an amount of more bits', 0n, max + 1n],
    ])('that would overflow %s refuses the whole batch', async (_, held, amount) => {
      const begin = held === 0n ? put('2') : { ...put('2'), add: { likeCount: held } }
      await serving(suite.store, [begin, put('1')])
      const before = await everyEntry(suite.store)
      const mutations = [unput('1'), add('2', { likeCount: amount }), put('3')]
      const commit = step(suite.store, 10, mutations)
      const refused = await commit.catch((error: MillraceError) => error)
      expect(refused).toMatchObject({ code: 'store-overflow', retriable: false, entry: '2' })
      expect(await everyEntry(suite.store)).toEqual(before)
      expect((await checkpointsOf(suite.store)).get('users/0')).toEqual(checkpoint(10))
    })

    test('just below the limit is taken', async () => {
      const held = { ...put('1'), add: { likeCount: 9_223_372_029_999_999_999n } }
      await serving(suite.store, [held, { ...put('2'), add: { likeCount: -max } }])
      const last = [add('1', { likeCount: 6_854_775_808n }), add('2', { likeCount: -1n })]
      expect(await step(suite.store, 10, last)).toMatchObject({ kind: 'applied' })
      expect((await one(suite.store, '1'))?.counts.likeCount).toBe(max)
      expect((await one(suite.store, '2'))?.counts.likeCount).toBe(-max - 1n)
    })

    test('below zero is stored as it is, and answered for every entry touched', async () => {
      await serving(suite.store, [put('1')])
      const amounts = [add('1', { likeCount: -2n }), add('2', { tweetCount: -1n }), put('3')]
      expect(await step(suite.store, 10, amounts)).toEqual({
        kind: 'applied',
        belowZero: [
          { entry: '1', count: 'likeCount' },
          { entry: '2', count: 'tweetCount' },
        ],
      })
      expect((await one(suite.store, '1'))?.counts.likeCount).toBe(-2n)
      const later = [put('1'), add('2', { tweetCount: 1n, likeCount: 1n })]
      const belowZero = [{ entry: '1', count: 'likeCount' }]
      expect(await step(suite.store, 11, later)).toEqual({ kind: 'applied', belowZero })
      const elsewhere = [put('4')]
      expect(await step(suite.store, 12, elsewhere)).toEqual({ kind: 'applied', belowZero: [] })
    })
  })
}

function describeTwoLayouts(suite: Suite): void {
  describe('two layouts of one view', () => {
    const wide = async (at: number, mutations: readonly Mutation[]) => {
      const { epoch } = await stateOf(suite.store)
      const [from, to] = [offset(at), checkpoint(at + 1)]
      const commit = aCommit(epoch, { partition: users1, from, to, mutations })
      return suite.store.writer(widerLayout).commit(commit)
    }
    const wideEntry = async (key: string) => {
      const result = await suite.store.reader(widerLayout, declared.id).read([key])
      return result.kind === 'serving' ? result.entries[0] : undefined
    }
    const widePut = (entry: string, motto: string): Mutation => ({
      entry,
      put: { ...userFields(), motto },
      add: { mailCount: 3n },
    })

    test('leave what the other one has alone, but for a removed row', async () => {
      await serving(suite.store)
      await wide(10, [widePut('1', 'Onwards')])
      await step(suite.store, 10, [{ ...put('1', { name: 'Ada' }), add: { likeCount: 1n } }])
      const fields = { ...userFields({ name: 'Ada' }), motto: 'Onwards' }
      const counts = { ...zeros, likeCount: 1n, mailCount: 3n }
      expect(await wideEntry('1')).toEqual({ key: '1', fields, counts })
      expect(await one(suite.store, '1')).toEqual({
        key: '1',
        fields: userFields({ name: 'Ada' }),
        counts: { ...zeros, likeCount: 1n },
      })
      await step(suite.store, 11, [unput('1')])
      await step(suite.store, 12, [put('1')])
      expect(await wideEntry('1')).toEqual({
        key: '1',
        fields: { ...userFields(), motto: null },
        counts: { ...zeros, likeCount: 1n, mailCount: 0n },
      })
    })

    test('a row that is removed by one takes everything, where no counter of its own is left', async () => {
      await serving(suite.store)
      await wide(10, [widePut('1', 'Onwards')])
      await step(suite.store, 10, [unput('1')])
      expect((await everyKey(suite.store)).size).toBe(0)
    })
  })
}

function describeRead(suite: Suite): void {
  describe('read', () => {
    test('answers in the order asked, and the same for a key asked twice', async () => {
      await serving(suite.store, manyPuts(1, 3))
      const result = await readerOf(suite.store).read(['3', '7', '1', '3'])
      const keys = result.kind === 'serving' && result.entries.map((entry) => entry?.key)
      expect(keys).toEqual(['3', undefined, '1', '3'])
      const none = await readerOf(suite.store).read([])
      expect(none).toMatchObject({ kind: 'serving', entries: [] })
    })

    test('takes a thousand keys and no more', async () => {
      await serving(suite.store, manyPuts(0, limits.readKeysMax))
      const keys = Array.from({ length: limits.readKeysMax }, (_, index) => String(index))
      const result = await readerOf(suite.store).read(keys)
      expect(result.kind === 'serving' && result.entries.every((entry) => entry)).toBe(true)
      await expect(readerOf(suite.store).read([...keys, 'x'])).rejects.toThrow('at most 1000')
    })

    test('never meets half a commit', async () => {
      const epoch = await serving(suite.store, manyPuts(0, 50))
      const keys = Array.from({ length: 50 }, (_, index) => String(index))
      const reader = readerOf(await suite.another())
      const seen: number[] = []
      const stop = new AbortController()
      const reading = (async () => {
        while (!stop.signal.aborted) {
          const result = await reader.read(keys)
          if (result.kind !== 'serving') throw new Error(result.phase)
          seen.push(new Set(result.entries.map((entry) => entry?.counts.likeCount)).size)
        }
      })()
      for (let at = 10; at < 40; at++) {
        const mutations = keys.map((key) => add(key, { likeCount: 1n }))
        const [from, to] = [offset(at), checkpoint(at + 1)]
        const commit = aCommit(epoch, { from, to, mutations })
        await suite.store.writer(userLayout).commit(commit)
      }
      stop.abort()
      await reading
      expect(seen.length).toBeGreaterThan(5)
      expect(seen.every((different) => different === 1)).toBe(true)
    })
  })
}
