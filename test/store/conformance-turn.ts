import { parseLsn } from '../../src/position.ts'
import type { Turn } from '../../src/store/coordination.ts'
import type { Checkpoint, Epoch } from '../../src/store/state.ts'
import { add, put, userLayout } from '../support/view-layouts.ts'
import type { Suite } from './conformance.ts'
import {
  aBarrier,
  aBeginning,
  aCommit,
  aDoubt,
  aParked,
  aTurn,
  checkpoint,
  checkpointsOf,
  declared,
  doubtsOf,
  elsewhere,
  everyKey,
  everyParked,
  everywhere,
  offset,
  offsets,
  progress,
  readerOf,
  serving,
  stateOf,
} from './store-fixture.ts'

const anew = (partitions: readonly string[]) => ({ how: 'anew', partitions }) as const
const forward = (partitions: readonly string[]) => ({ how: 'forward', partitions }) as const

/** A new epoch: it fences all who know the old one, and says where checkpoints stand. */
export function describeTurn(suite: Suite): void {
  const turned = async (given: Partial<Turn> = {}) => {
    const { epoch } = await stateOf(suite.store)
    const next = await suite.store.coordination.turn(aTurn(epoch, given))
    if (!next) throw new Error('the epoch was another one')
    return next
  }

  describeFence(suite, turned)
  describeRestarts(suite, turned)
  describeWhatATurnChanges(suite, turned)
}

type Turned = (given?: Partial<Turn>) => Promise<Epoch>

function describeFence(suite: Suite, turned: Turned): void {
  describe('turn', () => {
    test('fences everybody who knows the old epoch', async () => {
      const old = await serving(suite.store, [put('1')])
      const { coordination } = suite.store
      const [writer, audit] = [suite.store.writer(userLayout), suite.store.audit(userLayout)]
      await audit.look({ epoch: old, keys: ['1'], ticket: 't' })
      const epoch = await turned()
      expect(epoch).not.toBe(old)
      const before = await stateOf(suite.store)
      expect(before.epoch).toBe(epoch)
      const nothing = { kind: 'conflict', found: undefined }
      expect(await writer.commit(aCommit(old, { mutations: [put('2')] }))).toEqual(nothing)
      expect(await writer.checkpoints(old)).toEqual(new Map())
      expect(await writer.raise(old, aDoubt('d'))).toBe(false)
      expect(await writer.displace(old, '1')).toBeUndefined()
      const corrections = [put('1', { name: 'Wrong' })]
      const lost = { kind: 'conflict' }
      expect(await audit.look({ epoch: old, keys: ['1'], ticket: 'u' })).toEqual(lost)
      expect(await audit.correct({ epoch: old, ticket: 't', corrections })).toEqual(lost)
      expect(await audit.sweep(old, ['1'], ['name'])).toBe(false)
      const step = { epoch: old, before: before.pass, after: 'late', ended: [], completed: [] }
      expect(await audit.progress(step)).toBe(false)
      expect(await coordination.advance(old, aBarrier('0/20', 0), 0)).toBe(false)
      const { fingerprint } = before
      const seen = { epoch: old, before: fingerprint, after: 'late', doubts: [] }
      expect(await coordination.observe(seen)).toBe(false)
      expect(await coordination.turn(aTurn(old))).toBeUndefined()
      expect(await stateOf(suite.store)).toEqual(before)
      expect(await everyKey(suite.store)).toEqual(new Set(['1']))
      const goesOn = aCommit(epoch, { mutations: [add('1', { likeCount: 1n })] })
      expect(await writer.commit(goesOn)).toMatchObject({ kind: 'applied' })
    })

    test('where no state is, or in another epoch, does nothing', async () => {
      const { coordination, watchable } = suite.store
      expect(await coordination.turn(aTurn(elsewhere))).toBeUndefined()
      expect(await watchable.state()).toBeUndefined()
      await serving(suite.store)
      const before = await watchable.state()
      expect(await coordination.turn(aTurn(elsewhere, { topics: {} }))).toBeUndefined()
      expect(await watchable.state()).toEqual(before)
      expect((await checkpointsOf(suite.store)).size).toBe(3)
    })

    test('by two at once turns once', async () => {
      const old = await serving(suite.store)
      const other = await suite.another()
      const answers = await Promise.all(
        [suite.store, other, suite.store, other].map((store) =>
          store.coordination.turn(aTurn(old)),
        ),
      )
      const turns = answers.filter((epoch) => epoch !== undefined)
      expect(turns).toEqual([(await stateOf(suite.store)).epoch])
    })
  })
}

function describeRestarts(suite: Suite, turned: Turned): void {
  const last = { offset: offset(99), hash: 'h"' }
  const seen: Checkpoint = checkpoint(100, { last, windowFrom: offset(50), keySchema: 7 })
  const begun = async () => {
    const checkpoints = new Map([
      ['users/0', seen],
      ['users/1', checkpoint(9_007_199_254_740_993n, { keySchema: 7 })],
      ['likes/0', checkpoint(9)],
    ])
    await suite.store.coordination.open(aBeginning({ checkpoints }))
    return checkpoints
  }
  /** Where nothing is known of the log yet. */
  const fresh = (at: number | bigint) => checkpoint(at, { windowFrom: offset(at) })

  describe('checkpoints at a turn', () => {
    test('stay where no restart names them', async () => {
      const before = await begun()
      await turned()
      expect(await checkpointsOf(suite.store)).toEqual(before)
      await turned({ restarts: [anew(['likes/0'])], offsets: everywhere(70) })
      expect(await checkpointsOf(suite.store)).toEqual(new Map([...before, ['likes/0', fresh(70)]]))
    })

    test('go forward to a barrier, and where they are beyond it only the window does', async () => {
      await begun()
      const to = offsets({
        'users/0': 100,
        'users/1': 9_007_199_254_740_992n,
        'likes/0': 10,
      })
      await turned({ restarts: [forward([])], offsets: to })
      expect(await checkpointsOf(suite.store)).toEqual(
        new Map([
          ['users/0', { ...seen, windowFrom: offset(100) }],
          [
            'users/1',
            checkpoint(9_007_199_254_740_993n, {
              keySchema: 7,
              windowFrom: offset(9_007_199_254_740_992n),
            }),
          ],
          ['likes/0', fresh(10)],
        ]),
      )
      await turned({ restarts: [forward(['users/0'])], offsets: everywhere(101) })
      expect((await checkpointsOf(suite.store)).get('users/0')).toEqual(fresh(101))
    })

    test('go anew to where they are told, also back', async () => {
      await begun()
      await turned({ restarts: [anew([])], offsets: everywhere(3) })
      const expected = ['users/0', 'users/1', 'likes/0'].map((name) => [name, fresh(3)] as const)
      expect(await checkpointsOf(suite.store)).toEqual(new Map(expected))
    })

    test('go anew where one restart says so and another says forward', async () => {
      await begun()
      const restarts = [forward([]), anew(['users/0']), forward(['users/0'])]
      const to = { 'users/0': 3, 'users/1': 5, 'likes/0': 5 }
      await turned({ restarts, offsets: offsets(to) })
      const found = await checkpointsOf(suite.store)
      expect(found.get('users/0')).toEqual(fresh(3))
      expect(found.get('users/1')?.next).toBe(9_007_199_254_740_993n)
      expect(found.get('likes/0')).toEqual(checkpoint(9, { windowFrom: offset(5) }))
    })

    test('begin for partitions that are added, and where one was lost', async () => {
      const before = await begun()
      await suite.harness.loseCheckpoint('users/0')
      const added = { users: 3, likes: 1, follows: 1 }
      await turned({
        topics: added,
        offsets: everywhere(5).set('users/2', offset(6)).set('follows/0', offset(7)),
      })
      expect((await stateOf(suite.store)).topics).toEqual(added)
      expect(await checkpointsOf(suite.store)).toEqual(
        new Map([...before, ['users/0', fresh(5)], ['users/2', fresh(6)], ['follows/0', fresh(7)]]),
      )
    })

    test('end for partitions that are gone, and so do their problems', async () => {
      await begun()
      const writer = suite.store.writer(userLayout)
      const problem = { code: 'c', message: 'm', hint: undefined, sinceMs: 1 }
      for (const place of ['users/0', 'likes/0', 'connector']) await writer.report(place, problem)
      await turned({ topics: { users: 1 } })
      expect([...(await checkpointsOf(suite.store)).keys()]).toEqual(['users/0'])
      const { problems } = await readerOf(suite.store).status()
      expect(new Set(problems.keys())).toEqual(new Set(['users/0', 'connector']))
    })

    test('that lack an offset to go to are a fault of the caller, and nothing is changed', async () => {
      await begun()
      const before = [await stateOf(suite.store), await checkpointsOf(suite.store)]
      const without = offsets({ 'users/0': 3, 'users/1': 3 })
      const moving = { restarts: [anew([])], offsets: without }
      await expect(turned(moving)).rejects.toThrow('without an offset')
      const adding = { topics: { users: 2, likes: 2 }, offsets: without }
      await expect(turned(adding)).rejects.toThrow('without an offset')
      expect([await stateOf(suite.store), await checkpointsOf(suite.store)]).toEqual(before)
    })

    test('hold up the watermark where they went back', async () => {
      await serving(suite.store)
      await turned({ restarts: [anew(['likes/0'])], offsets: everywhere(9) })
      const { epoch } = await stateOf(suite.store)
      expect(await suite.store.coordination.advance(epoch, aBarrier('0/20', 10), 0)).toBe(false)
      expect((await stateOf(suite.store)).watermark).toBe(parseLsn('0/10'))
    })
  })
}

function describeWhatATurnChanges(suite: Suite, turned: Turned): void {
  describe('at a turn', () => {
    test('what it does not name stays', async () => {
      const old = await serving(suite.store, [put('1')])
      const writer = suite.store.writer(userLayout)
      const commit = { to: checkpoint(10), parked: [aParked(9)], doubts: [aDoubt('d')] }
      await writer.commit(aCommit(old, commit))
      const problem = { code: 'c', message: 'm', hint: undefined, sinceMs: 1 }
      await writer.report('users/0', problem)
      await suite.store.coordination.publish(aBarrier('0/20', 10, { number: 3 }), [])
      const before = await readerOf(suite.store).status()
      const barriers = await suite.store.watchable.barriers()
      const epoch = await turned()
      const after = await readerOf(suite.store).status()
      const state = { ...before.state, epoch }
      expect(after).toEqual({ ...before, state, ageMs: expect.any(Number) })
      expect(await suite.store.watchable.barriers()).toEqual(barriers)
      expect(await everyParked(suite.store)).toEqual([aParked(9)])
      expect(await readerOf(suite.store).read(['1'])).toMatchObject({ entries: [{ key: '1' }] })
    })

    test('declarations are as it says, in its order; one that was left out begins anew', async () => {
      await serving(suite.store)
      const second = { id: 'd2', declaration: '{}', complete: false }
      const declarations = [second, { ...declared, complete: true }]
      await turned({ declarations })
      expect((await stateOf(suite.store)).declarations).toEqual(declarations)
      const kindOf = async (id: string) => (await suite.store.reader(userLayout, id).read([])).kind
      expect([await kindOf('d1'), await kindOf('d2')]).toEqual(['serving', 'unavailable'])
      await progress(suite.store, { completed: ['d2'] })
      await turned({ declarations: [second] })
      expect([await kindOf('d1'), await kindOf('d2')]).toEqual(['unavailable', 'serving'])
      await turned({ declarations: [declared] })
      expect([await kindOf('d1'), await kindOf('d2')]).toEqual(['unavailable', 'unavailable'])
    })

    test('a declaration stays complete that became so since the turn was thought of', async () => {
      await serving(suite.store)
      const second = { id: 'd2', declaration: '{}', complete: false }
      await turned({ declarations: [declared, second] })
      const complete = { ...declared, complete: true }
      expect((await stateOf(suite.store)).declarations).toEqual([complete, second])
      expect(await readerOf(suite.store).read([])).toMatchObject({ kind: 'serving' })
      await progress(suite.store, { completed: ['d2'] })
      await turned({ declarations: [second, declared] })
      expect((await stateOf(suite.store)).declarations).toEqual([
        { ...second, complete: true },
        complete,
      ])
    })

    test('a turn completes nothing, whatever it says', async () => {
      await serving(suite.store)
      const second = { id: 'd2', declaration: '{}', complete: false }
      await turned({ declarations: [declared, second] })
      await turned({ declarations: [declared, { ...second, complete: true }] })
      expect((await stateOf(suite.store)).declarations).toEqual([
        { ...declared, complete: true },
        second,
      ])
      const read = await suite.store.reader(userLayout, second.id).read([])
      expect(read).toMatchObject({ kind: 'unavailable' })
    })

    test('the watermark may fall once where it says so, and not where it does not', async () => {
      await serving(suite.store)
      const advance = async (lsn: string) => {
        const { epoch } = await stateOf(suite.store)
        expect(await suite.store.coordination.advance(epoch, aBarrier(lsn, 10), 0)).toBe(true)
        return (await stateOf(suite.store)).watermark
      }
      expect(await advance('9/0')).toBe(parseLsn('9/0'))
      await turned()
      expect(await advance('7/0')).toBe(parseLsn('9/0'))
      await turned({ watermarkMayFall: true })
      expect((await stateOf(suite.store)).watermark).toBe(parseLsn('9/0'))
      expect(await advance('5/0')).toBe(parseLsn('5/0'))
      expect(await advance('4/0')).toBe(parseLsn('5/0'))
    })

    test('a doubt stands as it says, under its id; others stay, and none is added', async () => {
      const epoch = await serving(suite.store)
      const writer = suite.store.writer(userLayout)
      for (const name of ['a', 'b']) await writer.raise(epoch, aDoubt(name))
      const doubts = await doubtsOf(suite.store)
      const moved = {
        ...doubts.get('a')!,
        code: 'another-log',
        reason: 'was moved',
        offsets: everywhere(77),
        barrier: 12,
      } as const
      await turned({ doubts: [moved, { ...moved, id: 'unknown', name: 'c' }] })
      expect(await doubtsOf(suite.store)).toEqual(
        new Map([
          ['a', moved],
          ['b', doubts.get('b')!],
        ]),
      )
      const read = await readerOf(suite.store).read([])
      const codes = read.kind === 'serving' ? read.doubts : []
      expect([...codes].toSorted()).toEqual(['another-log', 'unusable-change'])
    })

    test('a doubt that was raised again meanwhile stays as it is', async () => {
      const epoch = await serving(suite.store)
      const writer = suite.store.writer(userLayout)
      await writer.raise(epoch, aDoubt('a'))
      const early = (await doubtsOf(suite.store)).get('a')!
      await writer.raise(epoch, aDoubt('a', { reason: 'raised again' }))
      const again = (await doubtsOf(suite.store)).get('a')!
      await turned({ doubts: [{ ...early, reason: 'was moved' }] })
      expect((await doubtsOf(suite.store)).get('a')).toEqual(again)
    })
  })
}
