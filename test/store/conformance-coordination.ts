import { parseLsn } from '../../src/position.ts'
import type { GenerationId, Problem } from '../../src/store/store.ts'
import { add, put } from '../support/view-layouts.ts'
import type { Suite } from './conformance.ts'
import {
  aBarrier,
  aCommit,
  aParked,
  aPour,
  building,
  checkpoint,
  dropAll,
  everyEntry,
  everyParked,
  likes0,
  manyPuts,
  offset,
  serving,
  topics,
  users0,
  users1,
} from './store-fixture.ts'

const elsewhere = 'another' as GenerationId
const problem = { code: 'column', message: 'gone', hint: undefined, sinceMs: 1_700_000_000_000 }
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Generations, barriers, the lease, and drops that race. */
export function describeCoordination(suite: Suite): void {
  describeAGeneration(suite)
  describeAGenerationThatGrows(suite)
  describeTheWatermark(suite)
  describeProblems(suite)
  describeTheLease(suite)
  describeDrop(suite)
  describeDropAgainstOthers(suite)
  describeDropOfWhatWasSeen(suite)
  describeDropOfLeftovers(suite)
}

function describeAGeneration(suite: Suite): void {
  describe('a generation', () => {
    test('is opened once, where there is no state', async () => {
      const { coordination, writer, reader } = suite.store
      expect(await writer.generation()).toBeUndefined()
      expect(await reader.read(['1'])).toEqual({ kind: 'unavailable', phase: 'absent' })
      const opened = await coordination.open(topics)
      expect(opened).toEqual({
        id: expect.any(String),
        number: 1,
        phase: 'building',
        topics,
        watermark: undefined,
        barrier: undefined,
        mark: undefined,
      })
      expect(await coordination.open(topics)).toBeUndefined()
      expect(await writer.generation()).toEqual(opened)
      expect(await reader.read(['1'])).toEqual({ kind: 'unavailable', phase: 'building' })
    })

    test('of several opened at once is one', async () => {
      const other = await suite.another()
      const stores = [suite.store, other, suite.store, other]
      const opened = await Promise.all(stores.map((store) => store.coordination.open(topics)))
      expect(opened.filter((generation) => generation)).toHaveLength(1)
    })
  })
}

function describeAGenerationThatGrows(suite: Suite): void {
  describe('a generation that grows', () => {
    test('serves when every partition is live at the end of a barrier', async () => {
      const { coordination, writer, reader } = suite.store
      const { id } = (await coordination.open(topics))!
      const barrier = aBarrier('16/B374D848', 10)
      for (const partition of [users0, users1]) await writer.pour(aPour(id, { partition }))
      expect(await coordination.advance(id, barrier)).toBe(false)
      const part = checkpoint(10, { phase: 'pouring' })
      await writer.pour(aPour(id, { partition: likes0, to: part }))
      expect(await coordination.advance(id, barrier)).toBe(false)
      const short = checkpoint(9, { poured: 2 })
      await writer.pour(aPour(id, { partition: likes0, poured: 1, to: short }))
      expect(await coordination.advance(id, barrier)).toBe(false)
      const [from, to] = [offset(9), checkpoint(10)]
      await writer.commit(aCommit(id, { partition: likes0, from, to }))
      expect(await coordination.advance(elsewhere, barrier)).toBe(false)
      expect((await writer.generation())?.phase).toBe('building')
      expect(await coordination.advance(id, barrier)).toBe(true)
      expect(await writer.generation()).toMatchObject({
        phase: 'serving',
        watermark: parseLsn('16/B374D848'),
      })
      expect(await reader.read([])).toMatchObject({ watermark: barrier.lsn })
    })

    test('does not advance by a barrier that lacks a partition', async () => {
      const id = await building(suite.store)
      const ends = new Map([['users/0', offset(1)]])
      expect(await suite.store.coordination.advance(id, aBarrier('0/10', 10, { ends }))).toBe(false)
    })

    test('compares ends of different length and beyond doubles', async () => {
      const id = await serving(suite.store)
      const { coordination } = suite.store
      expect(await coordination.advance(id, aBarrier('0/20', 9))).toBe(true)
      expect(await coordination.advance(id, aBarrier('0/30', 100))).toBe(false)
      for (const partition of [users0, users1, likes0]) {
        const to = checkpoint(9_007_199_254_740_992n)
        await suite.store.writer.commit(aCommit(id, { partition, to }))
      }
      const beyond = aBarrier('0/30', 9_007_199_254_740_993n)
      expect(await coordination.advance(id, beyond)).toBe(false)
      const reached = aBarrier('0/30', 9_007_199_254_740_992n)
      expect(await coordination.advance(id, reached)).toBe(true)
    })
  })
}

function describeTheWatermark(suite: Suite): void {
  describe('the watermark', () => {
    test('does not advance when a checkpoint went back', async () => {
      if (!suite.harness.setBack) return
      const id = await serving(suite.store)
      await suite.harness.setBack('likes/0', 9n)
      expect(await suite.store.coordination.advance(id, aBarrier('0/20', 10))).toBe(false)
      expect((await suite.store.writer.generation())?.watermark).toBe(parseLsn('0/10'))
    })

    test('has a watermark that never falls', async () => {
      const id = await serving(suite.store)
      const { coordination, writer } = suite.store
      const steps = ['F/FFFFFFFF', '10/1', '10/A', '10/9', '9/FFFFFFFF']
      const stands = ['F/FFFFFFFF', '10/1', '10/A', '10/A', '10/A']
      for (const [index, lsn] of steps.entries()) {
        expect(await coordination.advance(id, aBarrier(lsn, 10))).toBe(true)
        expect((await writer.generation())?.watermark).toBe(parseLsn(stands[index]!))
      }
    })

    test('knows the newest barrier', async () => {
      const id = await serving(suite.store)
      const { coordination, writer } = suite.store
      const from = new Map([['users/0', offset(2n ** 63n - 1n)]])
      const newest = aBarrier('10/1', 10, { from, takenAtMs: 1_700_000_000_001 })
      await coordination.publish(id, aBarrier('F/FFFFFFFF', 10))
      await coordination.publish(id, newest)
      await coordination.publish(id, aBarrier('F/FFFFFFFF', 11))
      await coordination.publish(elsewhere, aBarrier('11/0', 12))
      expect((await writer.generation())?.barrier).toEqual(newest)
      await dropAll(suite.store)
      await coordination.open(topics)
      expect((await writer.generation())?.barrier).toBeUndefined()
    })
  })
}

function describeProblems(suite: Suite): void {
  describe('problems', () => {
    test('stand until they are cleared', async () => {
      const { writer, reader } = suite.store
      const hinted = { ...problem, hint: 'ALTER TABLE' }
      await writer.report(users0, problem)
      await writer.report(likes0, problem)
      await writer.report(likes0, hinted)
      const both = new Map<string, Problem>([
        ['users/0', problem],
        ['likes/0', hinted],
      ])
      expect((await reader.status()).problems).toEqual(both)
      await writer.report(users0, undefined)
      expect((await reader.status()).problems).toEqual(new Map([['likes/0', hinted]]))
    })
  })
}

function describeTheLease(suite: Suite): void {
  describe('the lease', () => {
    test('is held by one, renewed, and free again in time', async () => {
      const { coordination } = suite.store
      expect(await coordination.lease('a', 60_000)).toBe(true)
      expect(await coordination.lease('b', 60_000)).toBe(false)
      expect(await coordination.lease('a', 150)).toBe(true)
      expect(await coordination.lease('b', 60_000)).toBe(false)
      await pause(200)
      expect(await coordination.lease('b', 60_000)).toBe(true)
      expect(await coordination.lease('a', 60_000)).toBe(false)
    })
  })
}

function describeDrop(suite: Suite): void {
  describe('drop', () => {
    test('removes everything, tells readers, and stops writers', async () => {
      const id = await serving(suite.store, [...manyPuts(0, 900), add('-5', { likeCount: 2n })])
      const { coordination, writer, reader } = suite.store
      await writer.commit(aCommit(id, { parked: [aParked(11)] }))
      await writer.report(users0, problem)
      let removedMost = 0
      for await (const removed of coordination.drop(id)) {
        expect(removed).toBeGreaterThanOrEqual(removedMost)
        removedMost = removed
        const state = await writer.generation()
        if (!state) continue
        expect(state).toMatchObject({ phase: 'dropping', watermark: undefined, mark: undefined })
        expect(state.id).not.toBe(id)
        const phase = 'dropping'
        expect(await reader.read(['1'])).toEqual({ kind: 'unavailable', phase })
        const conflict = { kind: 'conflict', found: undefined }
        const late = { from: offset(20), to: checkpoint(21) }
        expect(await writer.commit(aCommit(id, late))).toEqual(conflict)
        expect(await writer.commit(aCommit(state.id, late))).toEqual(conflict)
        expect(await coordination.advance(state.id, aBarrier('0/20', 0))).toBe(false)
        expect(await coordination.open(topics)).toBeUndefined()
        const mark = { code: 'x', reason: 'y', atMs: 1 }
        expect(await writer.mark(state.id, mark)).toBe(false)
      }
      expect(removedMost).toBeGreaterThanOrEqual(901)
      expect(await writer.generation()).toBeUndefined()
      expect((await everyEntry(suite.store)).size).toBe(0)
      expect(await everyParked(suite.store)).toEqual([])
      expect(await reader.status()).toMatchObject({ parked: 0, problems: new Map() })
      const next = await coordination.open(topics)
      expect(await writer.checkpoints(next!.id)).toEqual(new Map())
    })
  })
}

function describeDropAgainstOthers(suite: Suite): void {
  describe('drop against others', () => {
    test('by two at once removes everything', async () => {
      await serving(suite.store, manyPuts(0, 1_000))
      const other = await suite.another()
      await Promise.all([dropAll(suite.store), dropAll(other)])
      expect(await suite.store.writer.generation()).toBeUndefined()
      expect((await everyEntry(suite.store)).size).toBe(0)
    })

    test('goes on with what somebody else has left', async () => {
      const { coordination, writer } = suite.store
      const seen = await serving(suite.store, manyPuts(0, 1_000))
      await coordination.drop(seen)[Symbol.asyncIterator]().next()
      const { id } = (await writer.generation())!
      await coordination.drop(id)[Symbol.asyncIterator]().next()
      expect((await writer.generation())?.id).toBe(id)
      await dropAll(await suite.another())
      expect(await writer.generation()).toBeUndefined()
      expect((await everyEntry(suite.store)).size).toBe(0)
    })

    test.each([1, 2])('paused at step %i touches nothing that was opened after', async (steps) => {
      const seen = await serving(suite.store, manyPuts(0, 1_000))
      const paused = suite.store.coordination.drop(seen)[Symbol.asyncIterator]()
      for (let step = 0; step < steps; step++) await paused.next()
      await dropAll(await suite.another())
      await serving(suite.store, manyPuts(500, 1_000))
      while (!(await paused.next()).done) expect(suite.store.name).toBeTruthy()
      expect((await everyEntry(suite.store)).size).toBe(1_000)
      const state = await suite.store.writer.generation()
      expect(state?.phase).toBe('serving')
      expect((await suite.store.writer.checkpoints(state!.id)).size).toBe(3)
    })

    test('paused before its end leaves the books that were opened after', async () => {
      const seen = await serving(suite.store, manyPuts(0, 1_000))
      const paused = suite.store.coordination.drop(seen)[Symbol.asyncIterator]()
      for (let step = await paused.next(); step.value !== 1_000; step = await paused.next()) {
        expect(step.done).toBe(false)
      }
      await dropAll(await suite.another())
      const id = await serving(suite.store)
      while (!(await paused.next()).done) expect(suite.store.name).toBeTruthy()
      expect((await suite.store.writer.generation())?.id).toBe(id)
      expect((await suite.store.writer.checkpoints(id)).size).toBe(3)
    })
  })
}

function describeDropOfWhatWasSeen(suite: Suite): void {
  describe('drop of what was seen', () => {
    const drops = async (seen: GenerationId | undefined) => {
      const yielded: number[] = []
      for await (const removed of suite.store.coordination.drop(seen)) yielded.push(removed)
      return yielded
    }

    test('leaves what was opened since', async () => {
      const seen = await serving(suite.store, [put('1')])
      await dropAll(await suite.another())
      const id = await serving(suite.store, [put('1'), put('2')])
      expect(await drops(seen)).toEqual([])
      expect(await drops(undefined)).toEqual([])
      expect(await suite.store.writer.generation()).toMatchObject({ id, phase: 'serving' })
      expect((await everyEntry(suite.store)).size).toBe(2)
    })

    test('leaves to somebody else what he turned to dropping since', async () => {
      const seen = await serving(suite.store, [put('1')])
      const other = (await suite.another()).coordination.drop(seen)[Symbol.asyncIterator]()
      await other.next()
      const turned = await suite.store.writer.generation()
      expect(await drops(seen)).toEqual([])
      expect(await drops(undefined)).toEqual([])
      expect(await suite.store.writer.generation()).toEqual(turned)
      while (!(await other.next()).done) expect(suite.store.name).toBeTruthy()
      expect(await suite.store.writer.generation()).toBeUndefined()
    })

    test('makes no state where there is none any more', async () => {
      const seen = await serving(suite.store)
      await dropAll(suite.store)
      expect(await drops(seen)).toEqual([])
      expect(await suite.store.writer.generation()).toBeUndefined()
    })
  })
}

function describeDropOfLeftovers(suite: Suite): void {
  describe('drop of leftovers', () => {
    test('removes the entries of a view whose state is gone', async () => {
      if (!suite.harness.loseState) return
      const id = await serving(suite.store, manyPuts(0, 700))
      await suite.harness.loseState()
      expect(await suite.store.writer.generation()).toBeUndefined()
      const late = await suite.store.writer.commit(aCommit(id, { mutations: [put('1')] }))
      expect(late).toEqual({ kind: 'conflict', found: undefined })
      await dropAll(suite.store)
      expect((await everyEntry(suite.store)).size).toBe(0)
      const opened = await suite.store.coordination.open(topics)
      expect(await suite.store.writer.checkpoints(opened!.id)).toEqual(new Map())
    })

    test('of nothing leaves nothing', async () => {
      await dropAll(suite.store)
      expect(await suite.store.writer.generation()).toBeUndefined()
    })
  })
}
