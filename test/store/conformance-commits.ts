import { randomUUID } from 'node:crypto'
import type { GenerationId } from '../../src/store/store.ts'
import { add, put, unput } from '../support/view-layouts.ts'
import type { Suite } from './conformance.ts'
import {
  aCommit,
  aParked,
  aPour,
  building,
  checkpoint,
  everyEntry,
  everyParked,
  likes0,
  offset,
  one,
  serving,
  topics,
  users0,
  users1,
} from './store-fixture.ts'

const mark = (code: string) => ({ code, reason: 'because', atMs: 1_700_000_000_000 })

/** The step that counts: applied once, or nothing at all. */
export function describeCommits(suite: Suite): void {
  describeCommit(suite)
  describeCommitElsewhere(suite)
  describeCommitAgainstOthers(suite)
  describePour(suite)
  describeParkedRecords(suite)
  describeMark(suite)
}

function describeCommit(suite: Suite): void {
  describe('commit', () => {
    test('applies once and conflicts when it comes again', async () => {
      const id = await serving(suite.store, [put('1')])
      const commit = aCommit(id, { mutations: [add('1', { likeCount: 1n })] })
      const applied = { kind: 'applied', belowZero: [], parked: 0 }
      expect(await suite.store.writer.commit(commit)).toEqual(applied)
      const again = await suite.store.writer.commit(commit)
      expect(again).toEqual({ kind: 'conflict', found: checkpoint(20) })
      expect((await one(suite.store, '1'))?.counts.likeCount).toBe(1n)
    })

    test.each([9, 11])('conflicts when it begins at %i instead of 10', async (from) => {
      const id = await serving(suite.store)
      const mutations = [add('1', { likeCount: 1n })]
      const commit = aCommit(id, { from: offset(from), mutations })
      const found = checkpoint(10)
      expect(await suite.store.writer.commit(commit)).toEqual({ kind: 'conflict', found })
      expect((await everyEntry(suite.store)).size).toBe(0)
    })

    test('compares offsets of 64 bits exactly', async () => {
      const { id } = (await suite.store.coordination.open(topics))!
      const to = checkpoint(9_007_199_254_740_993n)
      await suite.store.writer.pour(aPour(id, { to }))
      const near = aCommit(id, { from: offset(9_007_199_254_740_992n), to })
      expect(await suite.store.writer.commit(near)).toEqual({ kind: 'conflict', found: to })
      const exact = aCommit(id, { from: to.next, to: checkpoint(2n ** 63n - 1n) })
      expect((await suite.store.writer.commit(exact)).kind).toBe('applied')
    })
  })
}

function describeCommitElsewhere(suite: Suite): void {
  describe('commit elsewhere', () => {
    test('of another generation conflicts and finds nothing', async () => {
      await serving(suite.store)
      const commit = aCommit(randomUUID() as string as GenerationId)
      const conflict = { kind: 'conflict', found: undefined }
      expect(await suite.store.writer.commit(commit)).toEqual(conflict)
    })

    test('where no generation is conflicts and finds nothing', async () => {
      const commit = aCommit(randomUUID() as string as GenerationId)
      const conflict = { kind: 'conflict', found: undefined }
      expect(await suite.store.writer.commit(commit)).toEqual(conflict)
      expect(await suite.store.writer.checkpoints(commit.generation)).toEqual(new Map())
    })

    test('to a checkpoint that is gone conflicts and finds nothing', async () => {
      if (!suite.harness.loseCheckpoint) return
      const id = await serving(suite.store)
      await suite.harness.loseCheckpoint('users/0')
      const conflict = { kind: 'conflict', found: undefined }
      expect(await suite.store.writer.commit(aCommit(id))).toEqual(conflict)
      const pour = aPour(id, { mutations: [put('1')] })
      expect(await suite.store.writer.pour(pour)).toEqual(conflict)
    })

    test('keeps every part of a checkpoint', async () => {
      const id = await serving(suite.store)
      const to = checkpoint(2n ** 63n - 1n, {
        last: { offset: offset(2n ** 63n - 2n), hash: 'a b"c' },
        windowFrom: offset(9_007_199_254_740_993n),
        atMs: 1_700_000_000_501,
        keySchema: 7,
      })
      await suite.store.writer.commit(aCommit(id, { to }))
      const found = await suite.store.writer.checkpoints(id)
      expect(found.get('users/0')).toEqual(to)
      expect([...found.keys()].toSorted()).toEqual(['likes/0', 'users/0', 'users/1'])
      expect(await suite.store.writer.checkpoints('x' as GenerationId)).toEqual(new Map())
    })
  })
}

function describeCommitAgainstOthers(suite: Suite): void {
  describe('commit against others', () => {
    test('refuses what a caller must not ask', async () => {
      const id = await serving(suite.store)
      const { writer } = suite.store
      const twice = aCommit(id, { mutations: [put('1'), unput('1')] })
      await expect(writer.commit(twice)).rejects.toThrow('one mutation for an entry')
      const pouring = aCommit(id, { to: checkpoint(20, { phase: 'pouring' }) })
      await expect(writer.commit(pouring)).rejects.toThrow('live checkpoint')
      const back = aCommit(id, { to: checkpoint(9) })
      await expect(writer.commit(back)).rejects.toThrow('does not go back')
    })

    test('of two at once applies one', async () => {
      const id = await serving(suite.store, [put('1')])
      const other = await suite.another()
      const commit = aCommit(id, { mutations: [add('1', { likeCount: 1n })] })
      const results = await Promise.all(
        [suite.store, other, suite.store, other].map((store) => store.writer.commit(commit)),
      )
      const kinds = results.map(({ kind }) => kind).toSorted()
      expect(kinds).toEqual(['applied', 'conflict', 'conflict', 'conflict'])
      expect((await one(suite.store, '1'))?.counts.likeCount).toBe(1n)
    })

    test('of many partitions that touch the same entries loses nothing', async () => {
      const id = await serving(suite.store)
      const clients = [suite.store, await suite.another(), await suite.another()]
      const work = [users0, users1, likes0].map(async (partition, index) => {
        for (let step = 0; step < 12; step++) {
          const keys = Array.from({ length: 400 }, (_, key) => String(key))
          if (index === 1) keys.reverse()
          const mutations = keys.map((key) => add(key, { likeCount: step % 2 ? -1n : 1n }))
          if (index === 2) mutations.forEach((_, at) => (mutations[at] = put(keys[at]!)))
          const [from, to] = [offset(10 + step), checkpoint(11 + step)]
          const commit = aCommit(id, { partition, from, to, mutations })
          const result = await clients[index]!.writer.commit(commit)
          expect(result.kind).toBe('applied')
        }
      })
      await Promise.all(work)
      const entries = await everyEntry(suite.store)
      expect(entries.size).toBe(400)
      for (const { fields, counts } of entries.values()) {
        expect(fields?.username).toBe('ada')
        expect(counts.likeCount).toBe(0n)
      }
    })
  })
}

function describePour(suite: Suite): void {
  describe('pour', () => {
    test('goes in order, call by call, and ends live', async () => {
      const { writer, coordination } = suite.store
      const { id } = (await coordination.open(topics))!
      const part = checkpoint(0, { phase: 'pouring', poured: 1 })
      const first = aPour(id, { to: part, mutations: [put('1'), add('2', { likeCount: 5n })] })
      expect((await writer.pour(first)).kind).toBe('applied')
      expect(await writer.pour(first)).toEqual({ kind: 'conflict', found: part })
      const skipping = aPour(id, { poured: 2 })
      expect(await writer.pour(skipping)).toEqual({ kind: 'conflict', found: part })
      const delta = aCommit(id, { from: offset(0), mutations: [add('1', { likeCount: 1n })] })
      expect(await writer.commit(delta)).toEqual({ kind: 'conflict', found: part })
      const last = aPour(id, { poured: 1, mutations: [put('2')] })
      expect((await writer.pour(last)).kind).toBe('applied')
      const live = checkpoint(10, { poured: 2 })
      expect(await writer.pour(last)).toEqual({ kind: 'conflict', found: live })
      expect(await writer.pour(aPour(id, { poured: 2 }))).toEqual({ kind: 'conflict', found: live })
      const entries = await everyEntry(suite.store)
      expect(entries.get('1')?.counts.likeCount).toBe(0n)
      expect(entries.get('2')?.counts.likeCount).toBe(5n)
    })

    test('from the beginning conflicts where a partition is live', async () => {
      const id = await building(suite.store)
      const pour = aPour(id, { mutations: [put('1')] })
      const conflict = { kind: 'conflict', found: checkpoint(10) }
      expect(await suite.store.writer.pour(pour)).toEqual(conflict)
    })

    test('of two first calls at once applies one', async () => {
      const { id } = (await suite.store.coordination.open(topics))!
      const other = await suite.another()
      const pour = aPour(id, { mutations: [add('1', { likeCount: 1n })] })
      const results = await Promise.all([suite.store.writer.pour(pour), other.writer.pour(pour)])
      expect(results.map(({ kind }) => kind).toSorted()).toEqual(['applied', 'conflict'])
      expect((await everyEntry(suite.store)).get('1')?.counts.likeCount).toBe(1n)
    })

    test('of another generation conflicts', async () => {
      await suite.store.coordination.open(topics)
      const pour = aPour('x' as GenerationId, { mutations: [put('1')] })
      const conflict = { kind: 'conflict', found: undefined }
      expect(await suite.store.writer.pour(pour)).toEqual(conflict)
    })
  })
}

function describeParkedRecords(suite: Suite): void {
  describe('parked records', () => {
    test('are kept with the commit, listed in order, and settled by a later one', async () => {
      const id = await serving(suite.store)
      const { writer, reader } = suite.store
      const parked = [
        aParked(12),
        aParked(9, { value: new Uint8Array([1]), key: null, reason: 'Ünicode\n"\'' }),
        aParked(2, { phase: 'pour', value: new Uint8Array(0) }),
      ]
      const result = await writer.commit(aCommit(id, { parked }))
      expect(result).toMatchObject({ kind: 'applied', parked: 3 })
      const elsewhere = aParked(1, { partition: likes0 })
      const there = aCommit(id, { partition: likes0, parked: [elsewhere] })
      expect(await writer.commit(there)).toMatchObject({ parked: 4 })
      const listed = [elsewhere, parked[2], parked[1], parked[0]]
      expect(await everyParked(suite.store)).toEqual(listed)
      const unparked = [offset(9), offset(12), offset(77)]
      const later = aCommit(id, { from: offset(20), to: checkpoint(21), unparked })
      expect(await writer.commit(later)).toMatchObject({ parked: 2 })
      expect(await everyParked(suite.store)).toEqual([elsewhere, parked[2]])
      expect((await reader.status()).parked).toBe(2)
    })

    test('are not kept by a commit that conflicts', async () => {
      const id = await serving(suite.store)
      await suite.store.writer.commit(aCommit(id, { from: offset(9), parked: [aParked(9)] }))
      expect(await everyParked(suite.store)).toEqual([])
    })
  })
}

function describeMark(suite: Suite): void {
  describe('mark', () => {
    test('keeps the first reason, by itself or with a commit', async () => {
      const id = await serving(suite.store)
      const { writer } = suite.store
      expect((await writer.generation())?.mark).toBeUndefined()
      await writer.commit(aCommit(id, { mark: mark('first "é"') }))
      expect(await writer.mark(id, mark('second'))).toBe(true)
      const third = aCommit(id, { from: offset(20), to: checkpoint(21), mark: mark('third') })
      expect((await writer.commit(third)).kind).toBe('applied')
      expect((await writer.generation())?.mark).toEqual(mark('first "é"'))
      expect((await suite.store.reader.status()).generation?.phase).toBe('serving')
    })

    test('comes with the commit that leaves a counter below zero', async () => {
      const id = await serving(suite.store, [put('1')])
      const { writer } = suite.store
      const below = aCommit(id, { mutations: [add('1', { likeCount: -1n })] })
      await writer.commit({ ...below, from: offset(9) })
      expect((await writer.generation())?.mark).toBeUndefined()
      await writer.commit(below)
      expect((await writer.generation())?.mark).toEqual(below.markBelowZero)
    })

    test('for a counter below zero does not replace the one of the same commit', async () => {
      const id = await serving(suite.store, [put('1')])
      const mutations = [add('1', { likeCount: -1n })]
      await suite.store.writer.commit(aCommit(id, { mutations, mark: mark('own') }))
      expect((await suite.store.writer.generation())?.mark).toEqual(mark('own'))
    })

    test('for a counter below zero waits while a record is parked', async () => {
      const id = await serving(suite.store, [put('1')])
      const { writer } = suite.store
      const mutations = [add('1', { likeCount: -1n })]
      await writer.commit(aCommit(id, { mutations, parked: [aParked(11)] }))
      expect((await writer.generation())?.mark).toBeUndefined()
      const [from, to, unparked] = [offset(20), checkpoint(21), [offset(11)]]
      const settled = aCommit(id, { from, to, mutations, unparked })
      await writer.commit(settled)
      expect((await writer.generation())?.mark).toEqual(settled.markBelowZero)
    })

    test('of another generation changes nothing', async () => {
      await serving(suite.store)
      expect(await suite.store.writer.mark('x' as GenerationId, mark('late'))).toBe(false)
      expect((await suite.store.writer.generation())?.mark).toBeUndefined()
    })
  })
}
