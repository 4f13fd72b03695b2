import { parseLsn } from '../../src/position.ts'
import { add, put, userLayout } from '../support/view-layouts.ts'
import type { Suite } from './conformance.ts'
import {
  aBarrier,
  aCommit,
  aDoubt,
  aTurn,
  checkpoint,
  checkpointsOf,
  everyKey,
  offset,
  one,
  progress,
  readerOf,
  serving,
  stateOf,
  step,
} from './store-fixture.ts'

/** A store that was put back to what it held earlier, as by a failover or a restored backup. */
export function describeSetBack(suite: Suite): void {
  const likes = (amount: bigint) => [add('1', { likeCount: amount })]

  describe('a store that was set back', () => {
    test('has entries and checkpoints of that moment, and takes the same commits again', async () => {
      await serving(suite.store, [put('1')])
      await step(suite.store, 10, likes(1n))
      const setBack = await suite.harness.copy()
      await step(suite.store, 11, likes(2n))
      await step(suite.store, 12, [...likes(4n), put('2')])
      await setBack()
      const conflict = { kind: 'conflict', found: checkpoint(11) }
      expect(await step(suite.store, 13, likes(8n))).toEqual(conflict)
      expect(await everyKey(suite.store)).toEqual(new Set(['1']))
      expect((await one(suite.store, '1'))?.counts.likeCount).toBe(1n)
      await step(suite.store, 11, likes(2n))
      await step(suite.store, 12, [...likes(4n), put('2')])
      expect((await one(suite.store, '1'))?.counts.likeCount).toBe(7n)
      expect(await everyKey(suite.store)).toEqual(new Set(['1', '2']))
    })

    test('takes no correction of a look that it has not seen', async () => {
      const epoch = await serving(suite.store, [put('1')])
      const audit = suite.store.audit(userLayout)
      const correction = { epoch, ticket: 't', corrections: likes(1n) }
      const setBack = await suite.harness.copy()
      await audit.look({ epoch, keys: ['1'], ticket: 't' })
      await setBack()
      expect(await audit.correct(correction)).toEqual({ kind: 'applied', lost: [0] })
      expect((await one(suite.store, '1'))?.counts.likeCount).toBe(0n)
    })

    test('takes a correction again where it went back before it, once', async () => {
      const epoch = await serving(suite.store, [put('1')])
      const audit = suite.store.audit(userLayout)
      const correction = { epoch, ticket: 't', corrections: likes(1n) }
      await audit.look({ epoch, keys: ['1'], ticket: 't' })
      const setBack = await suite.harness.copy()
      await audit.correct(correction)
      await setBack()
      expect((await one(suite.store, '1'))?.counts.likeCount).toBe(0n)
      expect(await audit.correct(correction)).toEqual({ kind: 'applied', lost: [] })
      expect(await audit.correct(correction)).toEqual({ kind: 'applied', lost: [0] })
      expect((await one(suite.store, '1'))?.counts.likeCount).toBe(1n)
    })

    test('before its epoch turned knows none of those who came after', async () => {
      const old = await serving(suite.store)
      const setBack = await suite.harness.copy()
      const next = await suite.store.coordination.turn(aTurn(old))
      await setBack()
      const writer = suite.store.writer(userLayout)
      const nothing = { kind: 'conflict', found: undefined }
      expect(await writer.commit(aCommit(next!))).toEqual(nothing)
      expect(await writer.commit(aCommit(old))).toMatchObject({ kind: 'applied' })
    })

    test('compares pass and fingerprint with what it holds again', async () => {
      const epoch = await serving(suite.store)
      const { coordination } = suite.store
      const audit = suite.store.audit(userLayout)
      const setBack = await suite.harness.copy()
      const early = await stateOf(suite.store)
      await progress(suite.store, {})
      await coordination.observe({ epoch, before: early.fingerprint, after: 'f', doubts: [] })
      const late = await stateOf(suite.store)
      await setBack()
      const ahead = { epoch, before: late.pass, after: 'p', ended: [], completed: [] }
      expect(await audit.progress(ahead)).toBe(false)
      const seen = { epoch, before: 'f', after: 'g', doubts: [] }
      expect(await coordination.observe(seen)).toBe(false)
      expect(await stateOf(suite.store)).toEqual(early)
    })

    test('has the doubts, the watermark and the barriers of that moment', async () => {
      const epoch = await serving(suite.store)
      const { coordination, watchable } = suite.store
      await suite.store.writer(userLayout).raise(epoch, aDoubt('early'))
      const setBack = await suite.harness.copy()
      const before = await stateOf(suite.store)
      await suite.store.writer(userLayout).raise(epoch, aDoubt('late'))
      const barrier = aBarrier('0/20', 10, { number: 5 })
      await coordination.publish(barrier, [])
      await coordination.advance(epoch, barrier, 0)
      await setBack()
      expect(await stateOf(suite.store)).toEqual(before)
      expect((await watchable.barriers()).map(({ number }) => number)).toEqual([1])
      expect(await readerOf(suite.store).read([])).toMatchObject({ watermark: parseLsn('0/10') })
      expect(await coordination.advance(epoch, barrier, 0)).toBe(true)
      expect((await stateOf(suite.store)).watermark).toBe(parseLsn('0/20'))
    })

    test('does not let the watermark pass where a checkpoint went back', async () => {
      const epoch = await serving(suite.store)
      const setBack = await suite.harness.copy()
      const barrier = aBarrier('0/20', 11, { number: 5 })
      for (const [name, found] of await checkpointsOf(suite.store)) {
        const [topic, partition] = name.split('/') as [string, string]
        const commit = { partition: { topic, partition: Number(partition) }, to: checkpoint(11) }
        expect(found.next).toBe(offset(10))
        await suite.store.writer(userLayout).commit(aCommit(epoch, commit))
      }
      expect(await suite.store.coordination.advance(epoch, barrier, 0)).toBe(true)
      await setBack()
      expect(await suite.store.coordination.advance(epoch, barrier, 0)).toBe(false)
      expect((await stateOf(suite.store)).watermark).toBe(parseLsn('0/10'))
    })
  })
}
