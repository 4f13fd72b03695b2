import type { Mutation, ViewLayout } from '../../src/mutation.ts'
import { limits } from '../../src/store/limits.ts'
import { memoryStore } from '../../src/store/memory/memory-store.ts'
import type { ReadResult, ViewReader } from '../../src/store/reader.ts'
import type { ViewStore } from '../../src/store/store.ts'
import type { Suite } from './conformance.ts'
import {
  aBarrier,
  aBeginning,
  aCommit,
  aDoubt,
  checkpoint,
  declared,
  offset,
  stateOf,
} from './store-fixture.ts'

const text = (name: string) => ({ name, type: 'text' as const })

const listeners: ViewLayout = {
  name: 'listener',
  key: [{ name: 'listenerId', type: 'bigint' }],
  fields: [text('favourite')],
  counts: ['plays'],
  presence: [],
  tallies: [{ name: 'hidden' }, { name: 'topArtists' }, { name: 'lastArtists' }],
  slices: [
    { name: 'topArtists', tally: 'topArtists', order: 'largest', most: 3 },
    { name: 'lastArtists', tally: 'lastArtists', order: 'last', most: undefined },
  ],
}

const artists: ViewLayout = {
  name: 'artist',
  key: [{ name: 'artistId', type: 'text' }],
  fields: [text('name'), text('country')],
  counts: ['plays'],
  presence: [],
  tallies: [{ name: 'fans' }],
  slices: [{ name: 'fans', tally: 'fans', order: 'largest', most: 1 }],
}

/** What is read of several views in one step. */
export function describeTogether(suite: Suite): void {
  describe('views read together', () => {
    let users: ViewStore
    let bands: ViewStore
    beforeEach(async () => {
      users = await suite.another(listeners)
      bands = await suite.another(artists)
    })
    const listener = () => users.reader(listeners, declared.id)
    const artist = () => bands.reader(artists, declared.id)

    describeStandings(() => ({ users, bands, listener, artist }))
    describeNamed(() => ({ users, bands, listener, artist }))
    describeOneMoment(() => ({ users, bands, listener, artist }))
  })
}

type Views = {
  readonly users: ViewStore
  readonly bands: ViewStore
  readonly listener: () => ViewReader
  readonly artist: () => ViewReader
}

function describeStandings(views: () => Views): void {
  test('are answered by the state, watermark and doubts of each', async () => {
    const { users, bands, listener, artist } = views()
    await served(users, listeners, [row('1', { favourite: 'Abba' })], '0/10')
    await served(bands, artists, [row('Abba', { name: 'ABBA', country: 'se' })], '0/20')
    const { epoch } = await stateOf(bands)
    await bands.writer(artists).raise(epoch, aDoubt('artists'))
    const reading = [
      { reader: artist(), keys: ['Blur', 'Abba'] },
      { reader: listener(), keys: ['1'] },
      { reader: artist(), keys: [] },
    ]
    const [first, second, third] = await listener().readTogether(reading)
    expect(first).toMatchObject({
      kind: 'serving',
      watermark: 0x20n,
      doubts: ['unusable-change'],
      entries: [
        null,
        { key: 'Abba', fields: { name: 'ABBA', country: 'se' }, counts: { plays: 0n } },
      ],
    })
    expect(second).toMatchObject({ kind: 'serving', watermark: 0x10n, doubts: [] })
    expect(entriesOf(second)).toEqual([
      {
        key: '1',
        fields: { favourite: 'Abba' },
        counts: { plays: 0n },
        slices: { topArtists: [], lastArtists: [] },
      },
    ])
    expect(third).toMatchObject({ kind: 'serving', watermark: 0x20n, entries: [] })
    expect(await listener().readTogether([])).toEqual([])
  })

  test('are served where they can be, whatever the others are', async () => {
    const { users, bands, listener, artist } = views()
    await served(users, listeners, [row('1', { favourite: 'Abba' })])
    const reading = [
      { reader: listener(), keys: ['1'] },
      { reader: artist(), keys: ['Abba'] },
      { reader: artist(), by: { part: 0, field: 'favourite' } },
    ]
    const [own, absent, alsoAbsent] = await artist().readTogether(reading)
    expect(own).toMatchObject({ kind: 'serving', entries: [{ key: '1' }] })
    expect([absent, alsoAbsent]).toEqual([
      { kind: 'unavailable', phase: 'absent' },
      { kind: 'unavailable', phase: 'absent' },
    ])
    await bands.coordination.open(aBeginning())
    const [still, building] = await artist().readTogether(reading)
    expect(still).toMatchObject({ kind: 'serving', entries: [{ key: '1' }] })
    expect(building).toEqual({ kind: 'unavailable', phase: 'building' })
  })

  test('are a thousand keys at most, and of one store', async () => {
    const { users, listener } = views()
    await served(users, listeners, [])
    const keys = (from: number, count: number) =>
      Array.from({ length: count }, (_, index) => String(from + index))
    const half = limits.readKeysMax / 2
    const halves = [0, half].map((from) => ({ reader: listener(), keys: keys(from, half) }))
    expect(await listener().readTogether(halves)).toHaveLength(2)
    const more = [...halves, { reader: listener(), keys: ['x'] }]
    await expect(listener().readTogether(more)).rejects.toThrow('at most 1000')
    const other = users.name === 'memory' ? strange() : memoryStore().reader(listeners, declared.id)
    await expect(listener().readTogether([{ reader: other, keys: [] }])).rejects.toThrow(
      'is a reader of another store',
    )
  })

  test('are named by earlier ones alone', async () => {
    const { users, bands, listener, artist } = views()
    await served(users, listeners, [])
    await served(bands, artists, [])
    const named = { reader: artist(), by: { part: 1, field: 'favourite' } }
    const asked = { reader: listener(), keys: [] }
    await expect(listener().readTogether([named, asked])).rejects.toThrow('an earlier part')
    await expect(listener().readTogether([asked, named])).rejects.toThrow('an earlier part')
  })
}

function describeNamed(views: () => Views): void {
  test('have entries whose keys items of the others hold, those that are there, each once', async () => {
    const { users, bands, listener, artist } = views()
    await served(users, listeners, [
      row(
        '1',
        {},
        { topArtists: { Abba: 5n, Blur: 3n, 'C:\\4': 2n, Devo: 1n }, hidden: { x: 1n } },
      ),
      row('2', {}, { topArtists: { 'C:\\4': 7n, Blur: 1n }, lastArtists: { Eels: 1n, Devo: 1n } }),
      { entry: '3', put: undefined, add: {}, cells: cellsOf({ topArtists: { Gone: 1n } }) },
    ])
    await served(bands, artists, [
      row('Abba', { name: 'ABBA' }),
      row('C:\\4', { name: 'C4' }, { fans: { 1: 2n, 2: 7n } }),
      row('Devo', { name: 'Devo' }),
      row('Gone', { name: 'Gone' }),
      { entry: 'Blur', put: undefined, add: { plays: 1n } },
    ])
    const reading = [
      { reader: listener(), keys: ['2', '1', '3', '1'] },
      { reader: artist(), by: { part: 0, slice: 'topArtists' } },
      { reader: artist(), by: { part: 0, slice: 'lastArtists' } },
    ]
    const [asked, top, last] = await listener().readTogether(reading)
    expect(entriesOf(asked).map((entry) => entry?.key)).toEqual(['2', '1', undefined, '1'])
    const found = entriesOf(top).toSorted((a, b) => (a!.key < b!.key ? -1 : 1))
    expect(found).toEqual([
      {
        key: 'Abba',
        fields: { name: 'ABBA', country: null },
        counts: { plays: 0n },
        slices: { fans: [] },
      },
      {
        key: 'C:\\4',
        fields: { name: 'C4', country: null },
        counts: { plays: 0n },
        slices: { fans: [{ item: '2', amount: 7n }] },
      },
    ])
    expect(entriesOf(last).map((entry) => entry?.key)).toEqual(['Devo'])
  })

  test('have entries whose keys fields of the others hold', async () => {
    const { users, bands, listener, artist } = views()
    await served(users, listeners, [
      row('1', { favourite: 'Abba' }),
      row('2', { favourite: 'Abba' }),
      row('3', { favourite: null }),
      row('4', { favourite: 'nobody' }),
    ])
    await served(bands, artists, [row('Abba', { name: 'ABBA' }), row('Blur', { name: 'Blur' })])
    const [, favourites] = await listener().readTogether([
      { reader: listener(), keys: ['1', '2', '3', '4', '5'] },
      { reader: artist(), by: { part: 0, field: 'favourite' } },
    ])
    expect(entriesOf(favourites).map((entry) => entry?.fields.name)).toEqual(['ABBA'])
  })
}

function describeOneMoment(views: () => Views): void {
  test('are of one moment', async () => {
    const { users, bands, listener, artist } = views()
    await served(users, listeners, [row('1', { favourite: 'Abba' })])
    await served(bands, artists, [row('Abba', {})])
    const reading = [
      { reader: listener(), keys: ['1'] },
      { reader: artist(), keys: ['Abba'] },
      { reader: artist(), by: { part: 0, field: 'favourite' } },
    ]
    const ahead: bigint[] = []
    const stop = new AbortController()
    const reads = (async () => {
      while (!stop.signal.aborted) {
        const [first, second, named] = await artist().readTogether(reading)
        for (const other of [second, named]) ahead.push(playsOf(first) - playsOf(other))
      }
    })()
    // The listener's count rises first, so it is one ahead or level at any moment.
    for (let at = 20; at < 60; at++) {
      await played(users, listeners, '1', at)
      await played(bands, artists, 'Abba', at)
    }
    stop.abort()
    await reads
    expect(ahead.length).toBeGreaterThan(5)
    expect(ahead.filter((difference) => difference !== 0n && difference !== 1n)).toEqual([])
  })
}

function row(
  entry: string,
  put: Readonly<Record<string, string | null>>,
  tallies: Readonly<Record<string, Readonly<Record<string, bigint>>>> = {},
): Mutation {
  const cells = cellsOf(tallies)
  return { entry, put, add: {}, ...(cells.size > 0 && { cells }) }
}

function cellsOf(tallies: Readonly<Record<string, Readonly<Record<string, bigint>>>>) {
  return new Map(
    Object.entries(tallies).map(([name, items]) => [name, new Map(Object.entries(items))] as const),
  )
}

/** The view is served with what the mutations leave, its checkpoint at 20. */
async function served(
  store: ViewStore,
  layout: ViewLayout,
  mutations: readonly Mutation[],
  watermark = '0/10',
): Promise<void> {
  const epoch = (await store.coordination.open(aBeginning()))!
  expect(await store.writer(layout).commit(aCommit(epoch, { mutations }))).toMatchObject({
    kind: 'applied',
  })
  const progress = { epoch, before: undefined, after: '{}', ended: [], completed: [declared.id] }
  expect(await store.audit(layout).progress(progress)).toBe(true)
  expect(await store.coordination.advance(epoch, aBarrier(watermark, 10), 0)).toBe(true)
}

async function played(store: ViewStore, layout: ViewLayout, entry: string, at: number) {
  const { epoch } = await stateOf(store)
  const mutations = [{ entry, put: undefined, add: { plays: 1n } }]
  const [from, to] = [offset(at), checkpoint(at + 1)]
  const result = await store.writer(layout).commit(aCommit(epoch, { from, to, mutations }))
  expect(result.kind).toBe('applied')
}

function entriesOf(result: ReadResult | undefined) {
  if (result?.kind !== 'serving') throw new Error(`not serving: ${result?.phase}`)
  return result.entries
}

function playsOf(result: ReadResult | undefined): bigint {
  return entriesOf(result)[0]!.counts.plays!
}

/** A reader that no store has made. */
function strange(): ViewReader {
  return { constructor: { name: 'Strange' } } as unknown as ViewReader
}
