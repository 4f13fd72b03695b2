import type { Mutation, ViewLayout } from '../../src/mutation.ts'
import { limits } from '../../src/store/limits.ts'
import type { ViewStore } from '../../src/store/store.ts'
import { add, cellsOf, tally } from '../support/view-layouts.ts'
import type { Suite } from './conformance.ts'
import {
  aBarrier,
  aBeginning,
  aCommit,
  aTurn,
  checkpoint,
  declared,
  elsewhere,
  stateOf,
  texts,
} from './store-fixture.ts'

/** Days of users, kept while any row is counted in them. */
const layout: ViewLayout = {
  name: 'day-information',
  key: [
    { name: 'userId', type: 'bigint' },
    { name: 'day', type: 'timestamptz', window: { seconds: 86_400 } },
  ],
  fields: [],
  counts: ['viewCount'],
  presence: ['viewCount'],
  tallies: [{ name: 'colours' }, { name: 'makes' }],
  slices: [],
}

const dates: ViewLayout = {
  ...layout,
  name: 'date-information',
  key: [
    { name: 'day', type: 'date' },
    { name: 'shop', type: 'text' },
  ],
}

const seconds = (day: string) => Date.parse(`${day}T00:00:00Z`) / 1_000
const dayOf = (user: string, day: string) => `${user}:${day}T00\\:00\\:00.000000Z`

const before1970 = dayOf('1', '1969-12-31')
const first = dayOf('1', '2026-11-01')
const second = dayOf('1', '2026-11-02')
const third = dayOf('2', '2026-11-03')

const views = (entry: string) => add(entry, { viewCount: 2n })

/** Lets old entries go: the bound, what readers and looks make of it, and what is removed. */
export function describeKeep(suite: Suite): void {
  describe('a view that keeps its entries for some time', () => {
    const open = async (of: ViewLayout = layout) => suite.another(of)

    test('has the bound with which it was begun', async () => {
      const store = await open()
      await store.coordination.open(aBeginning({ keepFrom: seconds('2026-11-02') }))
      expect((await stateOf(store)).keepFrom).toBe(seconds('2026-11-02'))
    })

    test('raises the bound for who knows the present one, and never lowers it', async () => {
      const store = await open()
      const epoch = (await store.coordination.open(aBeginning()))!
      const { raise } = bound(store)
      expect(await raise({ epoch: elsewhere, before: undefined, after: 5 })).toBe(false)
      expect(await raise({ epoch, before: 5, after: 6 })).toBe(false)
      expect((await stateOf(store)).keepFrom).toBeUndefined()
      expect(await raise({ epoch, before: undefined, after: -86_400 })).toBe(true)
      expect(await raise({ epoch, before: undefined, after: 86_400 })).toBe(false)
      expect(await raise({ epoch, before: -86_400, after: -86_400 })).toBe(false)
      expect(await raise({ epoch, before: -86_400, after: -86_401 })).toBe(false)
      expect((await stateOf(store)).keepFrom).toBe(-86_400)
      expect(await raise({ epoch, before: -86_400, after: 1_790_000_000 })).toBe(true)
      expect((await stateOf(store)).keepFrom).toBe(1_790_000_000)
    })

    test('keeps the bound when its epoch is turned', async () => {
      const store = await open()
      const epoch = (await store.coordination.open(aBeginning({ keepFrom: 86_400 })))!
      const turned = (await store.coordination.turn(aTurn(epoch)))!
      expect(await stateOf(store)).toMatchObject({ epoch: turned, keepFrom: 86_400 })
      const { raise } = bound(store)
      expect(await raise({ epoch, before: 86_400, after: 172_800 })).toBe(false)
      expect(await raise({ epoch: turned, before: 86_400, after: 172_800 })).toBe(true)
    })

    test('remembers how far somebody lets the bound leap', async () => {
      const { watchable } = await open()
      const wanted = { declaration: 'd1', adopt: true, prune: false, sweep: [], letGo: 86_400 }
      await watchable.want(() => wanted)
      expect(await watchable.wanted()).toEqual(wanted)
    })

    test('shows readers no entry below the bound, from the step on that raises it', async () => {
      const store = await open()
      const entries = [before1970, first, second, third]
      const epoch = await served(store, layout, entries.map(views))
      const read = async () => {
        const result = await store.reader(layout, declared.id).read(entries)
        if (result.kind !== 'serving') throw new Error(result.phase)
        return result.entries.map((entry) => entry?.key ?? null)
      }
      expect(await read()).toEqual(entries)
      const [low, high] = [0, seconds('2026-11-02')]
      await bound(store).raise({ epoch, before: undefined, after: low })
      expect(await read()).toEqual([null, first, second, third])
      await bound(store).raise({ epoch, before: low, after: high })
      expect(await read()).toEqual([null, null, second, third])
    })

    test('compares dates, among which -infinity is below every bound and infinity below none', async () => {
      const store = await open(dates)
      const entries = [
        '-infinity:a',
        '2026-11-01:a',
        '2026-11-02:a',
        '+10000-01-01:a',
        'infinity:a',
      ]
      const epoch = await served(store, dates, entries.map(views))
      await bound(store).raise({ epoch, before: undefined, after: seconds('2026-11-02') })
      const result = await store.reader(dates, declared.id).read(entries)
      expect(result).toMatchObject({ kind: 'serving' })
      const found = result.kind === 'serving' ? result.entries : []
      expect(found.map((entry) => entry?.key ?? null)).toEqual([null, null, ...entries.slice(2)])
    })

    test('tells a look the bound of the moment of its entries', async () => {
      const store = await open()
      const epoch = await served(store, layout, [views(first)])
      const look = () => store.audit(layout).look({ epoch, keys: [first], ticket: undefined })
      expect(await look()).toMatchObject({ kind: 'entries', keepFrom: undefined })
      await bound(store).raise({ epoch, before: undefined, after: seconds('2026-11-02') })
      expect(await look()).toMatchObject({
        texts: ['-;2||'],
        keepFrom: seconds('2026-11-02'),
      })
    })

    test('takes no commit from which more was left out than it lets go', async () => {
      const store = await open()
      const epoch = await served(store, layout, [views(first)])
      const [low, high] = [seconds('2026-11-02'), seconds('2026-11-03')]
      const commit = (leftOutBelow: number) =>
        store
          .writer(layout)
          .commit(aCommit(epoch, { to: checkpoint(20), mutations: [views(third)], leftOutBelow }))
      const refused = { kind: 'conflict', found: checkpoint(10) }
      expect(await commit(-86_400)).toEqual(refused)
      await bound(store).raise({ epoch, before: undefined, after: low })
      expect(await commit(high)).toEqual(refused)
      expect(await texts(store, [third], layout)).toEqual(['-;0||'])
      expect(await commit(low)).toMatchObject({ kind: 'applied' })
      expect(await texts(store, [third], layout)).toEqual(['-;2||'])
    })

    test('removes entries with tallies and tickets, and leaves all others', async () => {
      const store = await open()
      const cells = { colours: { red: 1n, blue: 2n }, makes: { saab: 1n } }
      const onlyCells = dayOf('7', '2026-11-01')
      const epoch = await served(store, layout, [
        { ...tally(first, cells), add: { viewCount: 1n } },
        tally(onlyCells, cells),
        { ...tally(third, cells), add: { viewCount: 1n } },
      ])
      const after = seconds('2026-11-02')
      await bound(store).raise({ epoch, before: undefined, after })
      const audit = store.audit(layout)
      await audit.look({ epoch, keys: [first, onlyCells, third], ticket: 't' })
      const missing = dayOf('9', '2026-11-01')
      const removal = { epoch, bound: after, keys: [first, onlyCells, missing] }
      expect(await bound(store).remove(removal)).toBe(2)
      expect(await bound(store).remove(removal)).toBe(0)
      const left = [first, onlyCells, third]
      expect(await texts(store, left, layout)).toEqual(['-;0||', '-;0||', third3])
      expect((await audit.scan(undefined)).keys).toEqual([third])
      const corrections = left.map((entry) => ({
        entry,
        put: undefined,
        add: { viewCount: 5n },
        cells: cellsOf({ colours: { red: 1n } }),
      }))
      const corrected = await audit.correct({ epoch, ticket: 't', corrections })
      expect(corrected).toEqual({ kind: 'applied', lost: [0, 1] })
      expect(await texts(store, left.slice(0, 2), layout)).toEqual(['-;0||', '-;0||'])
    })

    test('removes nothing by another epoch, nor by a bound that it has not', async () => {
      const store = await open()
      const epoch = await served(store, layout, [views(first)])
      const { raise, remove } = bound(store)
      const [low, high] = [seconds('2026-11-02'), seconds('2026-11-03')]
      expect(await remove({ epoch, bound: low, keys: [first] })).toBeUndefined()
      await raise({ epoch, before: undefined, after: low })
      expect(await remove({ epoch, bound: high, keys: [first] })).toBeUndefined()
      expect(await remove({ epoch: elsewhere, bound: low, keys: [first] })).toBeUndefined()
      expect(await texts(store, [first], layout)).toEqual(['-;2||'])
      expect(await remove({ epoch, bound: low, keys: [first] })).toBe(1)
      await expect(
        remove({ epoch, bound: low, keys: Array.from({ length: limits.lookKeysMax + 1 }, String) }),
      ).rejects.toThrow('at most')
    })
  })
}

const third3 = '-;1|4:blue2;3:red1;|4:saab1;'

function bound(store: ViewStore) {
  const keeping = store.keeping(layout)
  return {
    raise: keeping.raise.bind(keeping),
    remove: keeping.remove.bind(keeping),
  }
}

/** A view of these entries that is served, without a bound. */
async function served(store: ViewStore, of: ViewLayout, mutations: readonly Mutation[]) {
  const epoch = (await store.coordination.open(aBeginning()))!
  const commit = aCommit(epoch, { to: checkpoint(10), mutations })
  expect(await store.writer(of).commit(commit)).toMatchObject({ kind: 'applied' })
  const progress = { epoch, before: undefined, after: '{}', ended: [], completed: [declared.id] }
  expect(await store.audit(of).progress(progress)).toBe(true)
  expect(await store.coordination.advance(epoch, aBarrier('0/10', 10), 0)).toBe(true)
  return epoch
}
