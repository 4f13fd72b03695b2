import { randomUUID } from 'node:crypto'
import { limits } from '../../src/store/limits.ts'
import type { Epoch, Problem } from '../../src/store/state.ts'
import { add, put, unput, userLayout } from '../support/view-layouts.ts'
import type { Suite } from './conformance.ts'
import {
  aCommit,
  aDoubt,
  aParked,
  building,
  checkpoint,
  checkpointsOf,
  elsewhere,
  everyEntry,
  everyKey,
  everyParked,
  likes0,
  manyPuts,
  offset,
  one,
  partitions,
  readerOf,
  serving,
  stateOf,
  users1,
} from './store-fixture.ts'

const notFound = { kind: 'conflict', found: undefined }

/** The step that counts: applied once, or nothing at all. */
export function describeCommits(suite: Suite): void {
  describeCommit(suite)
  describeCommitElsewhere(suite)
  describeCommitAgainstOthers(suite)
  describeParkedRecords(suite)
  describeProblems(suite)
}

function describeCommit(suite: Suite): void {
  describe('commit', () => {
    test('applies once and conflicts when it comes again', async () => {
      const epoch = await serving(suite.store, [put('1')])
      const writer = suite.store.writer(userLayout)
      const commit = aCommit(epoch, { mutations: [add('1', { likeCount: 1n })] })
      expect(await writer.commit(commit)).toEqual({ kind: 'applied', belowZero: [] })
      expect(await writer.commit(commit)).toEqual({ kind: 'conflict', found: checkpoint(20) })
      expect((await one(suite.store, '1'))?.counts.likeCount).toBe(1n)
    })

    test.each([9, 11, 1, 100])('that begins at %i instead of 10 changes nothing', async (from) => {
      const epoch = await serving(suite.store)
      const commit = aCommit(epoch, {
        from: offset(from),
        to: checkpoint(200),
        mutations: [add('1', { likeCount: 1n })],
        parked: [aParked(9)],
        doubts: [aDoubt('d')],
      })
      const conflict = { kind: 'conflict', found: checkpoint(10) }
      expect(await suite.store.writer(userLayout).commit(commit)).toEqual(conflict)
      expect((await everyKey(suite.store)).size).toBe(0)
      expect(await everyParked(suite.store)).toEqual([])
      expect((await stateOf(suite.store)).doubts).toEqual([])
    })

    test('compares offsets of 64 bits exactly', async () => {
      const epoch = await building(suite.store)
      const writer = suite.store.writer(userLayout)
      const to = checkpoint(9_007_199_254_740_993n)
      await writer.commit(aCommit(epoch, { to }))
      const near = aCommit(epoch, { from: offset(9_007_199_254_740_992n), to })
      expect(await writer.commit(near)).toEqual({ kind: 'conflict', found: to })
      const exact = aCommit(epoch, { from: to.next, to: checkpoint(2n ** 63n - 1n) })
      expect(await writer.commit(exact)).toEqual({ kind: 'applied', belowZero: [] })
    })

    test('keeps every part of a checkpoint, and leaves those of other partitions', async () => {
      const epoch = await serving(suite.store)
      const to = checkpoint(2n ** 63n - 1n, {
        last: { offset: offset(2n ** 63n - 2n), hash: 'a b"c' },
        windowFrom: offset(9_007_199_254_740_993n),
        keySchema: 2 ** 31 - 1,
      })
      await suite.store.writer(userLayout).commit(aCommit(epoch, { to }))
      expect(await checkpointsOf(suite.store)).toEqual(
        new Map([
          ['likes/0', checkpoint(10)],
          ['users/0', to],
          ['users/1', checkpoint(10)],
        ]),
      )
    })

    test('refuses what a caller must not ask', async () => {
      const epoch = await serving(suite.store)
      const commit = (given: Parameters<typeof aCommit>[1]) =>
        suite.store.writer(userLayout).commit(aCommit(epoch, given))
      const twice = commit({ mutations: [put('1'), unput('1')] })
      await expect(twice).rejects.toThrow('one mutation for an entry')
      await expect(commit({ to: checkpoint(9) })).rejects.toThrow('does not go back')
      const unknown = commit({ mutations: [add('1', { mailCount: 1n })] })
      await expect(unknown).rejects.toThrow('has no counter mailCount')
      const many = commit({ mutations: manyPuts(0, limits.mutationsMax + 1) })
      await expect(many).rejects.toThrow(`at most ${limits.mutationsMax}`)
      expect((await checkpointsOf(suite.store)).get('users/0')).toEqual(checkpoint(10))
    })

    test('takes a thousand whole entries at once', async () => {
      const epoch = await serving(suite.store)
      const long = { username: 'u'.repeat(200), description: 'd'.repeat(5_000), location: 'x' }
      const counts = { likeCount: 1n, tweetCount: 2n, followerCount: 3n, followingCount: 4n }
      const mutations = Array.from({ length: limits.mutationsMax }, (_, key) => ({
        ...put(String(key), long),
        add: counts,
      }))
      const result = await suite.store.writer(userLayout).commit(aCommit(epoch, { mutations }))
      expect(result).toEqual({ kind: 'applied', belowZero: [] })
      expect((await everyKey(suite.store)).size).toBe(limits.mutationsMax)
      expect(await one(suite.store, '999')).toMatchObject({ fields: long, counts })
    })
  })
}

function describeCommitElsewhere(suite: Suite): void {
  describe('commit elsewhere', () => {
    test('of another epoch changes nothing and finds nothing', async () => {
      await serving(suite.store)
      const writer = suite.store.writer(userLayout)
      const other = randomUUID() as string as Epoch
      const commit = aCommit(other, { mutations: [put('1')], doubts: [aDoubt('d')] })
      expect(await writer.commit(commit)).toEqual(notFound)
      expect(await writer.checkpoints(other)).toEqual(new Map())
      expect((await everyKey(suite.store)).size).toBe(0)
      expect((await stateOf(suite.store)).doubts).toEqual([])
      expect((await checkpointsOf(suite.store)).get('users/0')).toEqual(checkpoint(10))
    })

    test('where no state is changes nothing and finds nothing', async () => {
      const writer = suite.store.writer(userLayout)
      expect(await writer.commit(aCommit(elsewhere, { mutations: [put('1')] }))).toEqual(notFound)
      expect(await writer.checkpoints(elsewhere)).toEqual(new Map())
      expect((await everyKey(suite.store)).size).toBe(0)
    })

    test('where the state was lost changes nothing and finds nothing', async () => {
      const epoch = await serving(suite.store, [put('1')])
      await suite.harness.loseState()
      const writer = suite.store.writer(userLayout)
      expect(await writer.commit(aCommit(epoch, { mutations: [put('2')] }))).toEqual(notFound)
      expect(await writer.checkpoints(epoch)).toEqual(new Map())
      expect([...(await everyKey(suite.store))]).toEqual(['1'])
    })

    test.each([0, 10])('to a checkpoint that is gone, from %i, changes nothing', async (from) => {
      const epoch = await serving(suite.store)
      await suite.harness.loseCheckpoint('users/0')
      const commit = aCommit(epoch, { from: offset(from), mutations: [put('1')] })
      expect(await suite.store.writer(userLayout).commit(commit)).toEqual(notFound)
      expect((await everyKey(suite.store)).size).toBe(0)
    })
  })
}

function describeCommitAgainstOthers(suite: Suite): void {
  describe('commit against others', () => {
    test('of two at once applies one', async () => {
      const epoch = await serving(suite.store, [put('1')])
      const other = await suite.another()
      const commit = aCommit(epoch, { mutations: [add('1', { likeCount: 1n })] })
      const results = await Promise.all(
        [suite.store, other, suite.store, other].map((store) =>
          store.writer(userLayout).commit(commit),
        ),
      )
      const kinds = results.map(({ kind }) => kind).toSorted()
      expect(kinds).toEqual(['applied', 'conflict', 'conflict', 'conflict'])
      expect((await one(suite.store, '1'))?.counts.likeCount).toBe(1n)
    })

    test('of many partitions that touch the same entries loses nothing', async () => {
      const epoch = await serving(suite.store)
      const clients = [suite.store, await suite.another(), await suite.another()]
      const work = partitions.map(async (partition, index) => {
        const writer = clients[index]!.writer(userLayout)
        for (let at = 0; at < 12; at++) {
          const keys = Array.from({ length: 400 }, (_, key) => String(key))
          if (partition === users1) keys.reverse()
          const amount = { likeCount: at % 2 ? -1n : 1n, tweetCount: 1n }
          const mutations = keys.map((key) => (partition === likes0 ? put(key) : add(key, amount)))
          const [from, to] = [offset(10 + at), checkpoint(11 + at)]
          const commit = aCommit(epoch, { partition, from, to, mutations })
          expect(await writer.commit(commit)).toMatchObject({ kind: 'applied' })
        }
      })
      await Promise.all(work)
      const entries = await everyEntry(suite.store)
      expect(entries.size).toBe(400)
      for (const entry of entries.values()) {
        expect(entry?.fields?.username).toBe('ada')
        expect(entry?.counts).toMatchObject({ likeCount: 0n, tweetCount: 24n })
      }
    }, 30_000)
  })
}

function describeParkedRecords(suite: Suite): void {
  describe('parked records', () => {
    test('are kept with the commit, as they are, and listed in order', async () => {
      const epoch = await serving(suite.store)
      const writer = suite.store.writer(userLayout)
      const parked = [
        aParked(12),
        aParked(9, { value: new Uint8Array([1]), key: null, reason: 'Ünicode\n"\'' }),
        aParked(2, { value: new Uint8Array(0) }),
      ]
      await writer.commit(aCommit(epoch, { parked }))
      const there = aParked(1, { partition: likes0 })
      await writer.commit(aCommit(epoch, { partition: likes0, parked: [there] }))
      expect(await everyParked(suite.store)).toEqual([there, parked[2], parked[1], parked[0]])
      expect((await readerOf(suite.store).status()).parked).toBe(4)
    })

    test('are kept up to a bound, counted beyond it, and forgotten when told so', async () => {
      const epoch = await serving(suite.store)
      const writer = suite.store.writer(userLayout)
      const reader = readerOf(suite.store)
      const many = Array.from({ length: limits.parkedMax - 1 }, (_, at) => aParked(at))
      await writer.commit(aCommit(epoch, { parked: many }))
      const last = [500, 501, 502].map((at) => aParked(at))
      await writer.commit(aCommit(epoch, { from: offset(20), to: checkpoint(21), parked: last }))
      const more = { from: offset(21), to: checkpoint(22), parked: [aParked(503)] }
      await writer.commit(aCommit(epoch, more))
      expect(await everyParked(suite.store)).toEqual([...many, last[0]])
      expect((await reader.status()).parked).toBe(limits.parkedMax + 3)
      expect(await reader.clearParked()).toBe(limits.parkedMax + 3)
      expect(await everyParked(suite.store)).toEqual([])
      expect((await reader.status()).parked).toBe(0)
      expect(await reader.displaced()).toEqual([])
      expect(await reader.clearParked()).toBe(0)
      const again = [aParked(600)]
      await writer.commit(aCommit(epoch, { from: offset(22), to: checkpoint(23), parked: again }))
      expect(await everyParked(suite.store)).toEqual(again)
      expect((await reader.status()).parked).toBe(1)
    })
  })
}

function describeProblems(suite: Suite): void {
  describe('problems', () => {
    test('stand until they are cleared, one for each place', async () => {
      const writer = suite.store.writer(userLayout)
      const problems = async () => (await readerOf(suite.store).status()).problems
      const problem: Problem = { code: 'c', message: 'é "', hint: undefined, sinceMs: 1_700 }
      const hinted = { ...problem, hint: 'ALTER TABLE' }
      await writer.report('users/0', problem)
      await writer.report('connector', problem)
      await writer.report('connector', hinted)
      const both = new Map<string, Problem>([
        ['users/0', problem],
        ['connector', hinted],
      ])
      expect(await problems()).toEqual(both)
      await writer.report('users/0', undefined)
      await writer.report('users/1', undefined)
      expect(await problems()).toEqual(new Map([['connector', hinted]]))
    })
  })
}
