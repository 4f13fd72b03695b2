import type { MillraceError } from '../../src/errors.ts'
import type { Mutation } from '../../src/mutation.ts'
import { cellsOf, put, tally, tallyLayout, unput, userLayout } from '../support/view-layouts.ts'
import { placeTallyLayout, widerTallyLayout } from '../support/view-layouts.ts'
import type { Suite } from './conformance.ts'
import {
  aBarrier,
  aBeginning,
  aCommit,
  checkpoint,
  checkpointsOf,
  declared,
  everyKey,
  serving,
  stateOf,
  texts,
} from './store-fixture.ts'
import { most, oddItems, slices, tallied, told } from './tally-fixture.ts'

/** Integers by item beside an entry, in commits and for readers. */
export function describeTallies(suite: Suite): void {
  describeCells(suite)
  describeOverflow(suite)
  describeEntriesWithTallies(suite)
  describeSlices(suite)
}

const applied = { kind: 'applied', belowZero: [] }

function describeCells(suite: Suite): void {
  describe('a cell', () => {
    test('is added to by commits, and gone at zero', async () => {
      await serving(suite.store)
      const [first, second] = [
        { topArtists: { Abba: 2n, Blur: 1n }, hidden: { x: 1n } },
        { topArtists: { Abba: 3n, Blur: -1n, Cher: 4n }, byCountry: { se: 1n } },
      ]
      expect(await tallied(suite.store, 10, [tally('1', first), tally('2', first)])).toEqual(
        applied,
      )
      expect(await told(suite.store, '1')).toEqual(cellsOf(first))
      expect(await tallied(suite.store, 11, [tally('1', second)])).toEqual(applied)
      const merged = {
        topArtists: { Abba: 5n, Cher: 4n },
        byCountry: { se: 1n },
        hidden: { x: 1n },
      }
      expect(await told(suite.store, '1')).toEqual(cellsOf(merged))
      expect(await told(suite.store, '2')).toEqual(cellsOf(first))
      const gone = tally('2', { topArtists: { Abba: -2n, Blur: -1n } })
      expect(await tallied(suite.store, 12, [gone])).toEqual(applied)
      expect(await told(suite.store, '2')).toEqual(cellsOf({ hidden: { x: 1n } }))
    })

    test('below zero is stored as it is, and its tally answered for items touched', async () => {
      await serving(suite.store, [put('1')])
      const retracts: Mutation = {
        ...tally('1', { hidden: { x: -1n }, topArtists: { Abba: 1n, Blur: -2n, Cher: -1n } }),
        add: { likeCount: -1n },
      }
      expect(
        await tallied(suite.store, 10, [retracts, tally('2', { hidden: { y: -3n } })]),
      ).toEqual({
        kind: 'applied',
        belowZero: [
          { entry: '1', count: 'likeCount' },
          { entry: '1', count: 'hidden' },
          { entry: '1', count: 'topArtists' },
          { entry: '2', count: 'hidden' },
        ],
      })
      const left = { topArtists: { Abba: 1n, Blur: -2n, Cher: -1n }, hidden: { x: -1n } }
      expect(await told(suite.store, '1')).toEqual(cellsOf(left))
      expect(await slices(suite.store, '1')).toMatchObject({
        topArtists: [{ item: 'Abba', amount: 1n }],
      })
      const later = [tally('2', { hidden: { other: 1n }, topArtists: { Abba: 1n } })]
      expect(await tallied(suite.store, 11, later)).toEqual(applied)
      const mended = [tally('2', { hidden: { y: 3n } })]
      expect(await tallied(suite.store, 12, mended)).toEqual(applied)
      expect(await told(suite.store, '2')).toEqual(
        cellsOf({ topArtists: { Abba: 1n }, hidden: { other: 1n } }),
      )
      const touches = [tally('1', { hidden: { y: 1n } }), tally('2', { hidden: { z: 1n } })]
      expect(await tallied(suite.store, 13, touches)).toEqual({
        kind: 'applied',
        belowZero: [{ entry: '1', count: 'likeCount' }],
      })
    })

    test('has an item of any text', async () => {
      await serving(suite.store, [put('1')])
      const items = Object.fromEntries(
        oddItems.map((item, index) => [item, BigInt(index % 3) + 1n]),
      )
      expect(await tallied(suite.store, 10, [tally('1', { hidden: items })])).toEqual(applied)
      expect(await told(suite.store, '1')).toEqual(cellsOf({ hidden: items }))
      const { epoch } = await stateOf(suite.store)
      const question = { epoch, entry: '1', tally: 'hidden', items: oddItems, ticket: undefined }
      const looked = await suite.store.tallies(tallyLayout).look(question)
      expect(looked).toMatchObject({ kind: 'items', amounts: new Map(Object.entries(items)) })
      const negated = Object.fromEntries(oddItems.map((item) => [item, -items[item]!]))
      expect(await tallied(suite.store, 11, [tally('1', { hidden: negated })])).toEqual(applied)
      expect(await told(suite.store, '1')).toEqual(new Map())
    })

    test('of more than a thousand in one mutation is taken when the mutation is alone', async () => {
      await serving(suite.store, [put('1')])
      const items = Object.fromEntries(
        Array.from({ length: 10_000 }, (_, index) => [`i${index}`, index % 2 === 0 ? 1n : -2n]),
      )
      const commit = tallied(suite.store, 10, [tally('1', { byCountry: items })])
      expect(await commit).toEqual({
        kind: 'applied',
        belowZero: [{ entry: '1', count: 'byCountry' }],
      })
      expect((await slices(suite.store, '1'))?.byCountry).toHaveLength(5_000)
      const back = Object.fromEntries(Object.entries(items).map(([item, each]) => [item, -each]))
      expect(await tallied(suite.store, 11, [tally('1', { byCountry: back })])).toEqual(applied)
      expect(await told(suite.store, '1')).toEqual(new Map())
      const two = [tally('1', { byCountry: items }), put('2')]
      await expect(tallied(suite.store, 12, two)).rejects.toThrow('at most 1000')
    })

    test('of a commit that conflicts is not added', async () => {
      await serving(suite.store, [put('1')])
      await tallied(suite.store, 10, [tally('1', { hidden: { x: 1n } })])
      const again = await tallied(suite.store, 10, [tally('1', { hidden: { x: 1n, y: 1n } })])
      expect(again).toEqual({ kind: 'conflict', found: checkpoint(11) })
      expect(await told(suite.store, '1')).toEqual(cellsOf({ hidden: { x: 1n } }))
    })

    test('of a tally that the layout does not have is a bug of the caller', async () => {
      await serving(suite.store)
      const unknown = tallied(suite.store, 10, [tally('1', { topAlbums: { x: 1n } })])
      await expect(unknown).rejects.toThrow('has no tally topAlbums')
    })
  })
}

function describeOverflow(suite: Suite): void {
  describe('a cell of 53 bits', () => {
    test('is exact to the last of them', async () => {
      await serving(suite.store, [put('1')])
      await tallied(suite.store, 10, [tally('1', { topArtists: { a: most - 1n, b: 1n - most } })])
      await tallied(suite.store, 11, [tally('1', { topArtists: { a: 1n, b: -1n } })])
      const limits = { topArtists: { a: most, b: -most } }
      expect(await told(suite.store, '1')).toEqual(cellsOf(limits))
      expect((await slices(suite.store, '1'))?.topArtists).toEqual([{ item: 'a', amount: most }])
      await tallied(suite.store, 12, [tally('1', { topArtists: { a: -1n, b: most } })])
      expect(await told(suite.store, '1')).toEqual(cellsOf({ topArtists: { a: most - 1n } }))
    })

    test.each([
      ['above', most, 1n],
      ['below', -most, -1n],
      ['far above', most, most],
      ['far below', -most, -most],
      ['by an amount of more bits', 0n, most + 1n],
    ])('that would overflow %s refuses the whole batch', async (_, held, amount) => {
      await serving(suite.store, [put('1'), put('2')])
      const begin = held === 0n ? { hidden: { y: 1n } } : { hidden: { x: held, y: 1n } }
      await tallied(suite.store, 10, [tally('2', begin)])
      const before = await texts(suite.store, ['1', '2', '3'], tallyLayout)
      const mutations = [
        { ...unput('1'), cells: cellsOf({ topArtists: { Abba: 1n } }) },
        { ...tally('2', { topArtists: { Abba: 1n }, hidden: { w: 1n, x: amount, y: -1n } }) },
        { ...put('3'), cells: cellsOf({ hidden: { z: 1n } }) },
      ]
      const refused = await tallied(suite.store, 11, mutations).catch((e: MillraceError) => e)
      expect(refused).toMatchObject({ code: 'store-overflow', retriable: false, entry: '2' })
      expect(refused).toMatchObject({ message: expect.stringContaining('2: hidden') })
      expect(await texts(suite.store, ['1', '2', '3'], tallyLayout)).toEqual(before)
      expect((await checkpointsOf(suite.store)).get('users/0')).toEqual(checkpoint(11))
    })

    test('is not written where a counter of the batch would overflow', async () => {
      const limit = 2n ** 63n - 1n
      await serving(suite.store, [{ ...put('2'), add: { likeCount: limit } }])
      const liked = { entry: '2', put: undefined, add: { likeCount: 1n } }
      const mutations = [tally('1', { hidden: { x: 1n } }), liked]
      const refused = { code: 'store-overflow', entry: '2' }
      await expect(tallied(suite.store, 10, mutations)).rejects.toMatchObject(refused)
      expect(await everyKey(suite.store)).toEqual(new Set(['2']))
    })
  })
}

function describeEntriesWithTallies(suite: Suite): void {
  const plays = { topArtists: { Abba: 2n }, lastListens: { a: 1n } }
  const back = { topArtists: { Abba: -2n }, lastListens: { a: -1n } }

  describe('an entry with tallies', () => {
    test('is not there for readers without its row, and is looked at and scanned', async () => {
      await serving(suite.store)
      const [absent] = await texts(suite.store, ['1'], tallyLayout)
      await tallied(suite.store, 10, [tally('1', plays)])
      expect(await slices(suite.store, '1')).toBeUndefined()
      expect(await everyKey(suite.store)).toEqual(new Set(['1']))
      expect(await texts(suite.store, ['1'], tallyLayout)).toEqual(['-;0;0;0;0|4:Abba2;||1:a1;||'])
      expect(await suite.store.watchable.occupant()).toBe('1')
      await tallied(suite.store, 11, [tally('1', back)])
      expect(await everyKey(suite.store)).toEqual(new Set())
      expect(await texts(suite.store, ['1'], tallyLayout)).toEqual([absent])
      expect(await suite.store.watchable.occupant()).toBeUndefined()
    })

    test('keeps them when its row is put, put anew and removed', async () => {
      await serving(suite.store)
      await tallied(suite.store, 10, [tally('1', plays)])
      await tallied(suite.store, 11, [put('1')])
      expect(await slices(suite.store, '1')).toMatchObject({
        topArtists: [{ item: 'Abba', amount: 2n }],
      })
      const more = { ...put('1', { name: 'Ada' }), cells: cellsOf({ topArtists: { Blur: 1n } }) }
      await tallied(suite.store, 12, [more])
      const merged = { ...plays, topArtists: { Abba: 2n, Blur: 1n } }
      expect(await told(suite.store, '1')).toEqual(cellsOf(merged))
      const gone = { ...unput('1'), cells: cellsOf({ topArtists: { Blur: -1n } }) }
      await tallied(suite.store, 13, [gone])
      expect(await told(suite.store, '1')).toEqual(cellsOf(plays))
      expect(await slices(suite.store, '1')).toBeUndefined()
      expect(await everyKey(suite.store)).toEqual(new Set(['1']))
      await tallied(suite.store, 14, [tally('1', back)])
      expect(await everyKey(suite.store)).toEqual(new Set())
    })

    test('keeps its counters when its last cell goes, and its cells when they are 0', async () => {
      await serving(suite.store)
      const both = { ...tally('1', plays), add: { likeCount: 1n } }
      await tallied(suite.store, 10, [both, { ...both, entry: '2' }])
      const unliked = { entry: '2', put: undefined, add: { likeCount: -1n } }
      await tallied(suite.store, 11, [tally('1', back), unliked])
      expect(await everyKey(suite.store)).toEqual(new Set(['1', '2']))
      expect(await texts(suite.store, ['1'], tallyLayout)).toEqual(['-;0;0;0;1|||||'])
      expect(await told(suite.store, '2')).toEqual(cellsOf(plays))
      const likes = { entry: '1', put: undefined, add: { likeCount: -1n } }
      await tallied(suite.store, 12, [likes, tally('2', back)])
      expect(await everyKey(suite.store)).toEqual(new Set())
    })

    test('keeps the tallies of another layout, whatever this one does', async () => {
      await serving(suite.store)
      const albums = { topAlbums: { Arrival: 1n }, hidden: { x: 1n } }
      await tallied(suite.store, 10, [tally('1', albums)], widerTallyLayout)
      await tallied(suite.store, 11, [put('1')], userLayout)
      await tallied(suite.store, 12, [tally('1', { hidden: { x: -1n } })])
      await tallied(suite.store, 13, [unput('1')], userLayout)
      const rest = cellsOf({ topAlbums: { Arrival: 1n } })
      expect(await told(suite.store, '1', widerTallyLayout)).toEqual(rest)
      expect(await told(suite.store, '1')).toEqual(new Map())
      expect(await everyKey(suite.store)).toEqual(new Set(['1']))
    })

    test('has a key of any text', async () => {
      const places = await suite.another(placeTallyLayout)
      const epoch = (await places.coordination.open(aBeginning()))!
      const keys = ['a:b', '.top-guests:x', 'top-guests', '*', '[.:]', 'é 😀', '', '\\', "'"]
      const row = { ownerId: '1', openedAt: null, motto: '' }
      const mutations = keys.map((entry, index) => ({
        ...tally(entry, { topGuests: { [`guest of ${index}`]: 1n } }),
        put: index % 2 === 0 ? row : undefined,
      }))
      await places.writer(placeTallyLayout).commit(aCommit(epoch, { mutations }))
      expect(await everyKey(places)).toEqual(new Set(keys))
      for (const [index, key] of keys.entries()) {
        const cells = { topGuests: { [`guest of ${index}`]: 1n } }
        expect(await told(places, key, placeTallyLayout)).toEqual(cellsOf(cells))
      }
    })
  })
}

/** As readers get them. */
const items = (...given: readonly (readonly [string, bigint])[]) =>
  given.map(([item, amount]) => ({ item, amount }))

function describeSlices(suite: Suite): void {
  describe('a slice', () => {
    test('is empty where there is nothing, and left out where the layout asks for none', async () => {
      await serving(suite.store, [put('1')])
      const nothing = Object.fromEntries(tallyLayout.slices.map(({ name }) => [name, []]))
      expect(await slices(suite.store, '1')).toEqual(nothing)
      await tallied(suite.store, 10, [tally('1', { hidden: { x: 1n } })])
      expect(await slices(suite.store, '1')).toEqual(nothing)
      expect(await slices(suite.store, '1', userLayout)).toBeUndefined()
    })

    test('is one of several of a tally', async () => {
      await serving(suite.store, [put('1')])
      await tallied(suite.store, 10, [tally('1', { firstListens: { a: 1n, b: 1n, c: 1n } })])
      expect(await slices(suite.store, '1')).toMatchObject({
        firstListens: items(['a', 1n], ['b', 1n]),
        lastOfFirst: items(['c', 1n]),
      })
    })

    test('of the largest has so many items, ties by the bytes of the item', async () => {
      await serving(suite.store, [put('1')])
      const cells = { '\uFFFF': 2n, '😀': 2n, '9': 1n, '10': 1n, b: 7n, negative: -9n }
      const given = { topArtists: cells, byCountry: cells }
      await tallied(suite.store, 10, [tally('1', given)])
      const all = items(['b', 7n], ['\uFFFF', 2n], ['😀', 2n], ['10', 1n], ['9', 1n])
      expect(await slices(suite.store, '1')).toMatchObject({
        topArtists: all.slice(0, 3),
        byCountry: all,
      })
      await tallied(suite.store, 11, [tally('1', { topArtists: { '9': 9n, b: -7n } })])
      const changed = items(['9', 10n], ['\uFFFF', 2n], ['😀', 2n])
      expect((await slices(suite.store, '1'))?.topArtists).toEqual(changed)
    })

    test.each([
      ['firstListens' as const, ['', 'a']],
      ['lastListens' as const, ['😀', '\uFFFF']],
    ])('of %s has items that stand once, by their bytes from that end', async (name, ends) => {
      await serving(suite.store, [put('1')])
      const cells = { b: 1n, '\uFFFF': 1n, a: 1n, '😀': 1n, '': 1n }
      const broken = { ' ': 2n, '!': -1n, '\u{10FFFF}': 2n, '\u{10FFFE}': -1n }
      await tallied(suite.store, 10, [tally('1', { [name]: { ...cells, ...broken } })])
      expect((await slices(suite.store, '1'))?.[name]).toEqual(
        ends.map((item) => ({ item, amount: 1n })),
      )
    })

    test('of all items has more than a thousand of them', async () => {
      await serving(suite.store, [put('1')])
      const names = Array.from({ length: 1_200 }, (_, at) => `i${String(at).padStart(4, '0')}`)
      const half = (from: number) =>
        Object.fromEntries(names.slice(from, from + 600).map((name) => [name, 1n]))
      for (const [step, from] of [0, 600].entries()) {
        const cells = { topAlbums: half(from), byCountry: half(from) }
        const [first, second] = Object.entries(cells).map(([name, each]) =>
          tally('1', { [name]: each }),
        )
        await tallied(suite.store, 10 + step * 2, [first!], widerTallyLayout)
        await tallied(suite.store, 11 + step * 2, [second!], widerTallyLayout)
      }
      const found = await slices(suite.store, '1', widerTallyLayout)
      expect(found?.byCountry?.map(({ item }) => item)).toEqual(names)
      expect(found?.topAlbums?.map(({ item }) => item)).toEqual(names.toReversed())
    })

    test('belongs to its own entry, in the order asked', async () => {
      await serving(suite.store, [put('1'), put('3')])
      const mutations = ['1', '2', '3'].map((key) =>
        tally(key, { topArtists: { [`artist of ${key}`]: 1n }, lastListens: { [key]: 1n } }),
      )
      await tallied(suite.store, 10, mutations)
      const result = await suite.store.reader(tallyLayout, declared.id).read(['3', '2', '1', '3'])
      const found = result.kind === 'serving' && result.entries.map((entry) => entry?.slices)
      const of = (key: string) => ({
        topArtists: items([`artist of ${key}`, 1n]),
        firstListens: [],
        lastListens: items([key, 1n]),
        lastOfFirst: [],
        byCountry: [],
      })
      expect(found).toEqual([of('3'), undefined, of('1'), of('3')])
    })

    test('of several entries, tallies and counters is of one moment', async () => {
      const keys = Array.from({ length: 20 }, (_, index) => String(index))
      await serving(
        suite.store,
        keys.map((key) => put(key)),
      )
      const reader = (await suite.another()).reader(tallyLayout, declared.id)
      const seen: number[] = []
      const stop = new AbortController()
      const reading = (async () => {
        while (!stop.signal.aborted) {
          const result = await reader.read(keys)
          if (result.kind !== 'serving') throw new Error(result.phase)
          const amounts = result.entries.flatMap((entry) => [
            entry?.counts.likeCount,
            entry?.slices?.topArtists?.[0]?.amount ?? 0n,
            entry?.slices?.byCountry?.[0]?.amount ?? 0n,
          ])
          seen.push(new Set(amounts).size)
        }
      })()
      for (let at = 10; at < 40; at++) {
        const one = { topArtists: { Abba: 1n }, byCountry: { se: 1n } }
        const mutations = keys.map((key) => ({ ...tally(key, one), add: { likeCount: 1n } }))
        await tallied(suite.store, at, mutations)
      }
      stop.abort()
      await reading
      expect(seen.length).toBeGreaterThan(5)
      expect(seen.filter((different) => different !== 1)).toEqual([])
    })
  })

  test('a store that was set back has the cells of that moment', async () => {
    const epoch = await serving(suite.store, [put('1')])
    expect(await suite.store.coordination.advance(epoch, aBarrier('0/10', 10), 0)).toBe(true)
    await tallied(suite.store, 10, [tally('1', { topArtists: { Abba: 1n }, hidden: { x: 1n } })])
    const setBack = await suite.harness.copy()
    const later = tally('1', { topArtists: { Abba: 1n, Blur: 1n }, hidden: { x: -1n } })
    await tallied(suite.store, 11, [later, tally('2', { hidden: { y: 1n } })])
    await setBack()
    const before = { topArtists: { Abba: 1n }, hidden: { x: 1n } }
    expect(await told(suite.store, '1')).toEqual(cellsOf(before))
    expect(await everyKey(suite.store)).toEqual(new Set(['1']))
    await tallied(suite.store, 11, [later])
    const after = { topArtists: { Abba: 2n, Blur: 1n } }
    expect(await told(suite.store, '1')).toEqual(cellsOf(after))
  })
}
