import { parseLsn } from '../../src/position.ts'
import type { LeaseClaim, Wanted } from '../../src/store/coordination.ts'
import { limits } from '../../src/store/limits.ts'
import { parseSnapshot } from '../../src/transaction.ts'
import { add, put, userLayout } from '../support/view-layouts.ts'
import type { Suite } from './conformance.ts'
import {
  aBarrier,
  aBeginning,
  aCommit,
  aDoubt,
  aTurn,
  aParked,
  building,
  checkpoint,
  checkpointsOf,
  declared,
  elsewhere,
  everyKey,
  everyParked,
  manyPuts,
  offset,
  offsets,
  partitions,
  progress,
  readerOf,
  serving,
  stateOf,
  topics,
} from './store-fixture.ts'

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** How a view is begun and watched, and what its coordinator does. */
export function describeCoordination(suite: Suite): void {
  describeOpen(suite)
  describeInstance(suite)
  describeServing(suite)
  describeBarriers(suite)
  describeTheWatermark(suite)
  describeAges(suite)
  describeObserve(suite)
  describeTheLease(suite)
  describeWanted(suite)
  describeWantedAtOnce(suite)
  describeOccupant(suite)
}

function describeOpen(suite: Suite): void {
  describe('open', () => {
    test('begins a view once, as it was told', async () => {
      const { coordination, watchable } = suite.store
      expect(await watchable.state()).toBeUndefined()
      expect(await watchable.barriers()).toEqual([])
      const last = { offset: offset(8), hash: 'h' }
      const checkpoints = new Map([['users/0', checkpoint(9, { last, windowFrom: offset(3) })]])
      const beginning = aBeginning({ checkpoints })
      const epoch = await coordination.open(beginning)
      expect(epoch).toMatch(/^\S{20,}$/)
      const { instance } = (await watchable.state())!
      expect(instance).toMatch(/^[^.\s]{20,}$/)
      const begun = {
        epoch,
        instance,
        declarations: [declared],
        topics,
        watermark: undefined,
        barrier: beginning.barrier,
        fingerprint: beginning.fingerprint,
        doubts: [],
        pass: undefined,
      }
      expect(await watchable.state()).toEqual(begun)
      expect(await watchable.barriers()).toEqual([beginning.barrier])
      expect(await checkpointsOf(suite.store)).toEqual(checkpoints)
      expect(await coordination.open(aBeginning({ topics: { other: 1 } }))).toBeUndefined()
      expect(await watchable.state()).toEqual(begun)
      expect(await checkpointsOf(suite.store)).toEqual(checkpoints)
    })

    test('of several at once begins one', async () => {
      const other = await suite.another()
      const stores = [suite.store, other, suite.store, other]
      const opened = await Promise.all(stores.map((store) => store.coordination.open(aBeginning())))
      const epochs = opened.filter((epoch) => epoch !== undefined)
      expect(epochs).toEqual([(await stateOf(suite.store)).epoch])
    })

    test('where the state was lost keeps entries, and forgets what it knew of them', async () => {
      const epoch = await serving(suite.store, [put('1'), put('2')])
      const writer = suite.store.writer(userLayout)
      const parked = Array.from({ length: limits.parkedMax + 1 }, (_, at) => aParked(at))
      const commit = { parked, doubts: [aDoubt('d')], to: checkpoint(999) }
      await writer.commit(aCommit(epoch, commit))
      await writer.report('users/0', { code: 'c', message: 'm', hint: undefined, sinceMs: 1 })
      await suite.store.coordination.publish(aBarrier('0/30', 30, { number: 7 }), [])
      await suite.harness.loseState()
      const wanted = { declaration: 'd1', adopt: true, prune: false, sweep: [] }
      await suite.store.watchable.want(() => wanted)
      const checkpoints = new Map([['users/1', checkpoint(5)]])
      const again = await suite.store.coordination.open(aBeginning({ checkpoints }))
      expect(again).not.toBe(epoch)
      expect(await everyKey(suite.store)).toEqual(new Set(['1', '2']))
      expect(await checkpointsOf(suite.store)).toEqual(checkpoints)
      expect(await everyParked(suite.store)).toEqual([])
      expect(await suite.store.watchable.barriers()).toEqual([aBeginning().barrier])
      expect(await readerOf(suite.store).status()).toMatchObject({
        state: { epoch: again, doubts: [], watermark: undefined, pass: undefined },
        ageMs: undefined,
        parked: 0,
        problems: new Map(),
      })
      expect(await suite.store.watchable.wanted()).toEqual(wanted)
      expect(await writer.commit(aCommit(epoch))).toEqual({ kind: 'conflict', found: undefined })
    })
  })
}

function describeInstance(suite: Suite): void {
  describe('the instance of a view', () => {
    const instance = async () => (await stateOf(suite.store)).instance

    test('stays in the next epoch, and is another one where the view is begun anew', async () => {
      const { coordination } = suite.store
      const epoch = (await coordination.open(aBeginning()))!
      const first = await instance()
      const turned = (await coordination.turn(aTurn(epoch)))!
      expect(await instance()).toBe(first)
      await coordination.giveInstance(turned)
      expect(await instance()).toBe(first)
      await suite.harness.loseState()
      await coordination.open(aBeginning())
      expect(await instance()).toMatch(/^[^.\s]{20,}$/)
      expect(await instance()).not.toBe(first)
    })

    test('is given once to a view that was begun without one', async () => {
      const { coordination } = suite.store
      await coordination.giveInstance(elsewhere)
      expect(await suite.store.watchable.state()).toBeUndefined()
      const epoch = (await coordination.open(aBeginning()))!
      await suite.harness.loseInstance()
      await coordination.giveInstance(elsewhere)
      expect(await instance()).toBeUndefined()
      await Promise.all([coordination.giveInstance(epoch), coordination.giveInstance(epoch)])
      const given = await instance()
      expect(given).toMatch(/^[^.\s]{20,}$/)
      await coordination.giveInstance(epoch)
      expect(await instance()).toBe(given)
    })
  })
}

function describeServing(suite: Suite): void {
  describe('a view', () => {
    test('serves when what is read is complete and there is a watermark', async () => {
      const read = () => readerOf(suite.store).read(['1'])
      const unavailable = (phase: string) => ({ kind: 'unavailable', phase })
      expect(await read()).toEqual(unavailable('absent'))
      const epoch = await building(suite.store, [put('1')])
      expect(await read()).toEqual(unavailable('building'))
      await progress(suite.store, { completed: [declared.id] })
      expect(await read()).toEqual(unavailable('building'))
      expect(await suite.store.coordination.advance(epoch, aBarrier('16/B374D848', 10), 0)).toBe(
        true,
      )
      expect(await read()).toMatchObject({
        kind: 'serving',
        watermark: parseLsn('16/B374D848'),
        entries: [{ key: '1' }],
      })
      await suite.harness.loseState()
      expect(await read()).toEqual(unavailable('absent'))
    })

    test('does not serve a declaration that is not complete, or unknown', async () => {
      const epoch = await building(suite.store, [put('1')])
      expect(await suite.store.coordination.advance(epoch, aBarrier('0/10', 10), 0)).toBe(true)
      expect(await readerOf(suite.store).read(['1'])).toMatchObject({ phase: 'building' })
      await progress(suite.store, { completed: [declared.id] })
      expect(await readerOf(suite.store).read(['1'])).toMatchObject({ kind: 'serving' })
      const unknown = suite.store.reader(userLayout, 'd2')
      expect(await unknown.read(['1'])).toEqual({ kind: 'unavailable', phase: 'building' })
    })

    test('shows its state to who watches and to who reads alike', async () => {
      expect(await readerOf(suite.store).status()).toMatchObject({ state: undefined, parked: 0 })
      const epoch = await serving(suite.store)
      await suite.store.writer(userLayout).raise(epoch, aDoubt('d'))
      const { state, evicted } = await readerOf(suite.store).status()
      expect(state).toEqual(await stateOf(suite.store))
      expect(evicted).toBe(0)
    })
  })
}

function describeBarriers(suite: Suite): void {
  describe('barriers', () => {
    const numbers = async () => (await suite.store.watchable.barriers()).map((b) => b.number)
    const numbered = (number: number) => aBarrier(`0/${number}`, 10, { number })

    test('are kept as they were taken, and the newest is known', async () => {
      await serving(suite.store)
      const whole = aBarrier('FFFFFFFF/FFFFFFFE', 10, {
        number: 2 ** 40,
        snapshot: parseSnapshot('18446744073709551614:18446744073709551615:'),
        history: '7391846201337/12',
        from: offsets({ 'users/0': 2n ** 63n - 1n }),
        ends: new Map(),
        takenAtMs: 1_700_000_000_001,
      })
      await suite.store.coordination.publish(whole, [])
      expect((await stateOf(suite.store)).barrier).toEqual(whole)
      expect(await suite.store.watchable.barriers()).toEqual([aBeginning().barrier, whole])
    })

    test('are the newest by their number, and come oldest first', async () => {
      await serving(suite.store)
      const { coordination } = suite.store
      for (const number of [2, 10, 9, 10, 11]) await coordination.publish(numbered(number), [])
      await coordination.publish(aBarrier('FF/0', 99, { number: 11 }), [])
      expect((await stateOf(suite.store)).barrier).toEqual(numbered(11))
      expect(await numbers()).toEqual([1, 2, 10, 11])
    })

    test('are forgotten when told so, also where none is newer', async () => {
      await serving(suite.store)
      const { coordination } = suite.store
      for (const number of [2, 3, 4]) await coordination.publish(numbered(number), [])
      await coordination.publish(numbered(5), [1, 3, 77])
      expect(await numbers()).toEqual([2, 4, 5])
      await coordination.publish(numbered(3), [2])
      expect(await numbers()).toEqual([4, 5])
      expect((await stateOf(suite.store)).barrier).toEqual(numbered(5))
    })

    test('are not kept where no state is', async () => {
      await suite.store.coordination.publish(numbered(5), [])
      expect(await numbers()).toEqual([])
      expect(await suite.store.watchable.state()).toBeUndefined()
    })

    test('of two clients at once end with the newest', async () => {
      await serving(suite.store)
      const other = await suite.another()
      const all = Array.from({ length: 30 }, (_, index) => index + 2)
      const stores = [suite.store, other]
      await Promise.all(
        all.map((number) => stores[number % 2]!.coordination.publish(numbered(number), [])),
      )
      expect((await stateOf(suite.store)).barrier).toEqual(numbered(31))
      expect((await numbers()).at(-1)).toBe(31)
    })
  })
}

function describeTheWatermark(suite: Suite): void {
  const advance = async (lsn: string, end: number | bigint, given = {}) => {
    const { epoch } = await stateOf(suite.store)
    return suite.store.coordination.advance(epoch, aBarrier(lsn, end, given), 0)
  }
  const watermark = async () => (await stateOf(suite.store)).watermark

  describe('the watermark', () => {
    test('moves to a barrier whose ends every checkpoint has passed', async () => {
      await building(suite.store)
      expect(await advance('0/20', 11)).toBe(false)
      expect(await watermark()).toBeUndefined()
      expect(await advance('0/20', 10)).toBe(true)
      expect(await watermark()).toBe(parseLsn('0/20'))
      expect(await advance('0/30', 9)).toBe(true)
      expect(await watermark()).toBe(parseLsn('0/30'))
    })

    test.each(partitions.map(({ topic, partition }) => `${topic}/${partition}`))(
      'waits for %s alone',
      async (partition) => {
        const begun = aBeginning().checkpoints
        const checkpoints = new Map([...begun, [partition, checkpoint(9)] as const])
        await suite.store.coordination.open(aBeginning({ checkpoints }))
        expect(await advance('0/20', 10)).toBe(false)
        expect(await watermark()).toBeUndefined()
        expect(await advance('0/20', 9)).toBe(true)
      },
    )

    test('waits for a partition that has no checkpoint', async () => {
      await serving(suite.store)
      await suite.harness.loseCheckpoint('likes/0')
      expect(await advance('0/20', 0)).toBe(false)
      expect(await watermark()).toBe(parseLsn('0/10'))
    })

    test('does not move to a barrier that lacks a partition', async () => {
      await serving(suite.store)
      const ends = offsets({ 'users/0': 1, 'users/1': 1 })
      expect(await advance('0/20', 1, { ends })).toBe(false)
      expect(await watermark()).toBe(parseLsn('0/10'))
    })

    test('does not move in another epoch, nor where no state is', async () => {
      const { coordination } = suite.store
      expect(await coordination.advance(elsewhere, aBarrier('0/20', 0), 0)).toBe(false)
      await serving(suite.store)
      expect(await coordination.advance(elsewhere, aBarrier('0/20', 0), 0)).toBe(false)
      expect(await watermark()).toBe(parseLsn('0/10'))
    })

    test('compares ends of different length, and beyond what a double holds', async () => {
      const epoch = await serving(suite.store)
      expect(await advance('0/20', 9)).toBe(true)
      expect(await advance('0/30', 100)).toBe(false)
      for (const partition of partitions) {
        const to = checkpoint(9_007_199_254_740_992n)
        await suite.store.writer(userLayout).commit(aCommit(epoch, { partition, to }))
      }
      expect(await advance('0/30', 9_007_199_254_740_993n)).toBe(false)
      expect(await advance('0/30', 9_007_199_254_740_992n)).toBe(true)
    })

    test('never falls within one history', async () => {
      await serving(suite.store)
      const steps = ['F/FFFFFFFF', '10/1', '10/A', '10/9', '9/FFFFFFFF', '10/A', '10/B']
      const stands = ['F/FFFFFFFF', '10/1', '10/A', '10/A', '10/A', '10/A', '10/B']
      for (const [index, lsn] of steps.entries()) {
        expect(await advance(lsn, 10)).toBe(true)
        expect(await watermark()).toBe(parseLsn(stands[index]!))
      }
    })

    test('may fall when the barrier speaks of another history, and then not again', async () => {
      await serving(suite.store)
      await advance('FFFFFFFF/FFFFFFFF', 10)
      expect(await advance('0/40', 10, { history: '7391/2' })).toBe(true)
      expect(await watermark()).toBe(parseLsn('0/40'))
      expect(await advance('0/30', 10, { history: '7391/2' })).toBe(true)
      expect(await watermark()).toBe(parseLsn('0/40'))
      expect(await advance('0/50', 10, { history: '7391/2' })).toBe(true)
      expect(await watermark()).toBe(parseLsn('0/50'))
    })
  })
}

function describeAges(suite: Suite): void {
  const advance = async (lsn: string, takenAgoMs: number) => {
    const { epoch } = await stateOf(suite.store)
    await suite.store.coordination.advance(epoch, aBarrier(lsn, 10), takenAgoMs)
  }
  const ages = async () => {
    const [read, { ageMs }] = [
      await readerOf(suite.store).read([]),
      await readerOf(suite.store).status(),
    ]
    return [read.kind === 'serving' ? read.ageMs : NaN, ageMs ?? NaN]
  }

  describe('the age', () => {
    test('of the watermark counts from when its barrier was begun, and grows', async () => {
      await serving(suite.store)
      const began = performance.now()
      await advance('0/20', 60_000)
      const first = await ages()
      await pause(50)
      const second = await ages()
      for (const age of [...first, ...second]) {
        expect(age).toBeGreaterThanOrEqual(59_990)
        expect(age).toBeLessThan(60_010 + performance.now() - began)
      }
      expect(second[0]).toBeGreaterThanOrEqual(first[0]! + 40)
      expect(second[1]).toBeGreaterThanOrEqual(first[1]! + 40)
    })

    test('follows the newest barrier, also one at the same LSN', async () => {
      await serving(suite.store)
      await advance('0/20', 60_000)
      await advance('0/20', 30_000)
      for (const age of await ages()) expect(age).toBeLessThan(50_000)
    })

    test('does not follow a barrier that the watermark does not go back to', async () => {
      await serving(suite.store)
      await advance('0/20', 60_000)
      await advance('0/19', 0)
      for (const age of await ages()) expect(age).toBeGreaterThanOrEqual(59_990)
    })

    test('is never below zero', async () => {
      await serving(suite.store)
      await advance('0/20', -60_000)
      expect(await ages()).toEqual([0, 0])
    })

    test('is unknown without a watermark', async () => {
      await building(suite.store)
      expect((await readerOf(suite.store).status()).ageMs).toBeUndefined()
    })
  })
}

function describeObserve(suite: Suite): void {
  const fingerprint = async () => (await stateOf(suite.store)).fingerprint

  describe('observe', () => {
    test('replaces the fingerprint that was seen, and no other', async () => {
      const epoch = await serving(suite.store)
      const before = aBeginning().fingerprint
      const { coordination } = suite.store
      const seen = { epoch, before, after: '{"tables":2,"é":"\\""}', doubts: [aDoubt('d')] }
      expect(await coordination.observe({ ...seen, before: '{"tables":0}' })).toBe(false)
      expect(await coordination.observe({ ...seen, before: undefined })).toBe(false)
      expect(await coordination.observe({ ...seen, epoch: elsewhere })).toBe(false)
      expect(await stateOf(suite.store)).toMatchObject({ fingerprint: before, doubts: [] })
      expect(await coordination.observe(seen)).toBe(true)
      expect(await coordination.observe(seen)).toBe(false)
      expect(await fingerprint()).toBe(seen.after)
      expect((await stateOf(suite.store)).doubts).toMatchObject([{ name: 'd' }])
    })

    test('where no state is changes nothing', async () => {
      const seen = { epoch: elsewhere, before: undefined, after: '{}', doubts: [aDoubt('d')] }
      expect(await suite.store.coordination.observe(seen)).toBe(false)
      expect(await suite.store.watchable.state()).toBeUndefined()
    })

    test('of two at once replaces it once', async () => {
      const epoch = await serving(suite.store)
      const before = aBeginning().fingerprint
      const other = await suite.another()
      const answers = await Promise.all(
        [suite.store, other, suite.store, other].map((store, index) =>
          store.coordination.observe({ epoch, before, after: `{"by":${index}}`, doubts: [] }),
        ),
      )
      expect(answers.filter((answer) => answer)).toHaveLength(1)
      expect(await fingerprint()).toBe(`{"by":${answers.indexOf(true)}}`)
    })
  })
}

function describeTheLease(suite: Suite): void {
  const claim = (holder: string, given: Partial<LeaseClaim> = {}) =>
    suite.store.coordination.lease({
      holder,
      declaration: 'd1',
      ttlMs: 60_000,
      over: false,
      ...given,
    })

  describe('the lease', () => {
    test('is held by one, renewed, and free again in time', async () => {
      expect(await claim('a')).toBe(true)
      expect(await claim('b')).toBe(false)
      expect(await claim('a', { ttlMs: 150 })).toBe(true)
      expect(await claim('b')).toBe(false)
      await pause(200)
      expect(await claim('b')).toBe(true)
      expect(await claim('a')).toBe(false)
    })

    test('is taken over from a holder of another declaration alone, and when told so', async () => {
      expect(await claim('a b')).toBe(true)
      expect(await claim('b', { over: true })).toBe(false)
      expect(await claim('b', { declaration: 'd2' })).toBe(false)
      expect(await claim('b', { declaration: 'd2', over: true })).toBe(true)
      expect(await claim('a b')).toBe(false)
      expect(await claim('b', { declaration: 'd2' })).toBe(true)
    })

    test('knows the declaration that its holder has named last', async () => {
      expect(await claim('a')).toBe(true)
      expect(await claim('a', { declaration: 'd2' })).toBe(true)
      expect(await claim('b', { declaration: 'd2', over: true })).toBe(false)
      expect(await claim('b', { declaration: 'd1', over: true })).toBe(true)
    })

    test('of several at once is held by one', async () => {
      const other = await suite.another()
      const answers = await Promise.all(
        [suite.store, other, suite.store, other].map((store, index) =>
          store.coordination.lease({
            holder: `worker ${index}`,
            declaration: 'd1',
            ttlMs: 60_000,
            over: index % 2 === 0,
          }),
        ),
      )
      expect(answers.filter((answer) => answer)).toHaveLength(1)
    })
  })
}

function describeWanted(suite: Suite): void {
  describe('what is wanted', () => {
    test('is what somebody asked for last, with or without a state', async () => {
      const { watchable } = suite.store
      expect(await watchable.wanted()).toBeUndefined()
      const first = { declaration: 'd1', adopt: true, prune: false, sweep: [] }
      const second = { declaration: 'd2 é"', adopt: false, prune: true, sweep: ['motto', 'a"b'] }
      await watchable.want(() => first)
      expect(await watchable.wanted()).toEqual(first)
      await serving(suite.store)
      expect(await watchable.wanted()).toEqual(first)
      await watchable.want(() => second)
      expect(await (await suite.another()).watchable.wanted()).toEqual(second)
    })
  })
}

function describeWantedAtOnce(suite: Suite): void {
  describe('what several ask for at once', () => {
    const wish = { declaration: 'd1', adopt: false, prune: false, sweep: [] }

    test.each(['nothing', 'something'])('is all in it, where %s stood before', async (before) => {
      const { watchable } = suite.store
      if (before === 'something') await watchable.want(() => wish)
      const names = Array.from({ length: 8 }, (_, index) => `name-${index}`)
      const clients = await Promise.all(names.map(() => suite.another()))
      await Promise.all(
        names.map((name, index) =>
          clients[index]!.watchable.want((now = wish) => ({ ...now, sweep: [...now.sweep, name] })),
        ),
      )
      expect((await watchable.wanted())!.sweep.toSorted()).toEqual(names)
    })

    test('is told of what stands, and leaves it where nothing is asked for', async () => {
      const { watchable } = suite.store
      const told: (Wanted | undefined)[] = []
      const nothing = (now: Wanted | undefined): undefined => void told.push(now)
      expect(await watchable.want(nothing)).toBeUndefined()
      expect(await watchable.wanted()).toBeUndefined()
      expect(await watchable.want(() => wish)).toEqual(wish)
      expect(await watchable.want(nothing)).toEqual(wish)
      expect(told).toEqual([undefined, wish])
      expect(await watchable.wanted()).toEqual(wish)
    })
  })
}

function describeOccupant(suite: Suite): void {
  describe('the occupant', () => {
    test('is one key named like an entry, with or without a state', async () => {
      const { watchable } = suite.store
      expect(await watchable.occupant()).toBeUndefined()
      await suite.store.coordination.open(aBeginning({ checkpoints: new Map() }))
      expect(await watchable.occupant()).toBeUndefined()
      await suite.harness.reset()
      await serving(suite.store, manyPuts(1, 3))
      expect(['1', '2', '3']).toContain(await watchable.occupant())
      await suite.harness.loseState()
      expect(['1', '2', '3']).toContain(await watchable.occupant())
    })

    test('may be an entry without an owning row', async () => {
      await serving(suite.store, [add('7', { likeCount: 1n })])
      expect(await suite.store.watchable.occupant()).toBe('7')
    })
  })
}
