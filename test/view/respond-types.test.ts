/** What TypeScript knows of a `respond`: the types are checked by `tsc`, the values below. */
import { arrayOf, bigint, integer, jsonb, numeric, timestamptz } from '../../src/types/declare.ts'
import { averageOf } from '../../src/view/aggregates/average-of.ts'
import { countsOf } from '../../src/view/aggregates/counts-of.ts'
import { latestOf } from '../../src/view/aggregates/latest-of.ts'
import { maxOf } from '../../src/view/aggregates/max-of.ts'
import { sumOf } from '../../src/view/aggregates/sum-of.ts'
import { topOf } from '../../src/view/aggregates/top-of.ts'
import { countOf, defineView, from } from '../../src/view/define-view.ts'
import type { Json } from '../../src/view/json-types.ts'
import { lookup } from '../../src/view/lookup.ts'
import type { Asked, EntryOf, ReadEntries } from '../../src/view/respond.ts'

/** Each fits where the other does; `any` fits nothing here. */
type Equal<A, B> = [A, B] extends [B, A] ? (0 extends 1 & A ? false : true) : false
const isTrue = <Value extends true>(value: Value) => value

const artists = defineView({
  name: 'artist',
  key: { artistId: 'bigint' },
  row: from('artists', { key: 'artist_id', fields: { name: 'name', tags: arrayOf('tags') } }),
})

const listeners = defineView({
  name: 'listener',
  serve: '/listeners/:userId/:year',
  key: { userId: 'bigint', year: 'integer' },
  row: from('users', {
    key: ['user_id', 'year'],
    fields: { name: 'name', age: integer('age'), more: jsonb('more'), movieId: bigint('movie_id') },
  }),
  aggregates: {
    plays: countOf('listens', { by: ['user_id', 'year'] }),
    spent: sumOf('bills', { of: numeric('amount'), scale: 2, by: ['user_id', 'year'] }),
    mean: averageOf('bills', {
      of: numeric('amount'),
      scale: 2,
      digits: 2,
      by: ['user_id', 'year'],
    }),
    longest: maxOf('listens', { of: integer('ms'), key: 'id', by: ['user_id', 'year'] }),
    top: topOf('listens', {
      item: { artistId: bigint('artist_id') },
      most: 3,
      by: ['user_id', 'year'],
      lookup: { view: 'artist', fields: { name: 'text' } },
    }),
    countries: countsOf('listens', { item: 'country', by: ['user_id', 'year'] }),
    last: latestOf('listens', {
      order: timestamptz('at'),
      key: 'id',
      most: 2,
      fields: { at: timestamptz('at'), ms: integer('ms') },
      by: ['user_id', 'year'],
    }),
  },
  lookups: {
    movie: lookup('movie', { by: 'movieId', fields: { title: 'text', year: 'integer' } }),
  },
  query: {
    days: { type: 'integer', default: 30 },
    order: { type: 'string', enum: ['up', 'down'] },
    whole: { type: 'boolean' },
  },
  respond: async ({ key, parts, entry, query, read, signal }) => {
    isTrue<Equal<typeof query.days, number>>(true)
    isTrue<Equal<typeof query.order, 'up' | 'down' | undefined>>(true)
    isTrue<Equal<typeof query.whole, boolean | undefined>>(true)
    isTrue<Equal<typeof parts.year, string>>(true)
    isTrue<Equal<typeof signal, AbortSignal>>(true)
    // @ts-expect-error there is no such parameter
    void query.dayz
    // @ts-expect-error there is no such field
    void entry?.nobody
    const keys = (entry?.top ?? []).map(({ artistId }) => artistId)
    const [found, own] = await read([
      { view: artists, keys },
      { view: artists, keys: [[key]] },
    ])
    isTrue<Equal<(typeof found)[number], EntryOf<typeof artists> | null>>(true)
    return { names: found.map((artist) => artist?.name), own, plays: entry?.plays, ...query }
  },
})

test('the entry, its key and its fields have the types of their JSON', () => {
  type Entry = EntryOf<typeof listeners>
  expect([
    isTrue<Equal<Entry['userId'], string>>(true),
    isTrue<Equal<Entry['year'], number>>(true),
    isTrue<Equal<Entry['name'], string | null>>(true),
    isTrue<Equal<Entry['age'], number | null>>(true),
    isTrue<Equal<Entry['more'], Json>>(true),
    isTrue<Equal<EntryOf<typeof artists>['tags'], readonly (string | null)[] | null>>(true),
    isTrue<Equal<keyof EntryOf<typeof artists>, 'artistId' | 'name' | 'tags'>>(true),
  ]).not.toContain(false)
})

test('aggregates and lookups have the types of theirs', () => {
  type Entry = EntryOf<typeof listeners>
  type Top = { artistId: string; count: number; name: string | null }
  type Movie = { title: string | null; year: number | null }
  expect([
    isTrue<Equal<Entry['plays'], number>>(true),
    isTrue<Equal<Entry['spent'], string>>(true),
    isTrue<Equal<Entry['mean'], string | null>>(true),
    isTrue<Equal<Entry['longest'], number | null>>(true),
    isTrue<Equal<Entry['top'][number], Top>>(true),
    isTrue<Equal<Entry['countries'][number], { item: string; count: number }>>(true),
    isTrue<Equal<Entry['last'][number], { at: string | null; ms: number | null }>>(true),
    isTrue<Equal<NonNullable<Entry['movie']>, Movie>>(true),
    isTrue<Equal<null extends Entry['movie'] ? true : false, true>>(true),
  ]).not.toContain(false)
})

test('the function gets what its types say', async () => {
  const read = (async ([first]: readonly { keys: readonly unknown[] }[]) => [
    first!.keys.map((artistId) => ({ artistId, name: `name of ${String(artistId)}` })),
    [],
  ]) as unknown as ReadEntries
  const asked: Asked<unknown, unknown, unknown> = {
    key: '1:2026',
    parts: { userId: '1', year: '2026' },
    entry: { plays: 3, top: [{ artistId: '7', count: 2, name: 'Abba' }] },
    query: { days: 30 },
    read,
    signal: new AbortController().signal,
  }
  expect(await listeners.respond!.answer(asked as never)).toEqual({
    names: ['name of 7'],
    own: [],
    plays: 3,
    days: 30,
  })
})

test('what is read of some names has the types of these alone', () => {
  const answer = (read: ReadEntries) =>
    read([
      { view: listeners, keys: ['1:2026'], only: ['plays', 'name'] },
      { view: listeners, keys: ['1:2026'] },
    ])
  type Answer = Awaited<ReturnType<typeof answer>>
  type Some = NonNullable<Answer[0][number]>
  type Whole = NonNullable<Answer[1][number]>
  expect([
    isTrue<Equal<keyof Some, 'plays' | 'name'>>(true),
    isTrue<Equal<Some['plays'], number>>(true),
    isTrue<Equal<Whole, EntryOf<typeof listeners>>>(true),
  ]).not.toContain(false)
})

test('a name that is no field, and a query that fits no parameter, are no declaration', () => {
  const declare = () =>
    defineView({
      name: 'wrong',
      serve: '/wrong/:id',
      key: { id: 'bigint' },
      row: from('wrong', { key: 'id', fields: {} }),
      // @ts-expect-error a minimum is a number
      query: { days: { type: 'integer', minimum: 'one' } },
      respond: () => null,
    })
  expect(declare).toThrow('query parameter days: minimum and maximum are numbers in that order')
})
