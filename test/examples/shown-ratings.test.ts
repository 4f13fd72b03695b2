import { shownRatings } from '../../examples/shop/shown-ratings.ts'

const rating = (movieId: string, ratedAt: string) => ({
  movieId,
  stars: 4,
  seenAt: '2026-01-01T00:00:00.000000Z',
  ratedAt,
})

const movies: Readonly<Record<string, { readonly title: string; readonly category: string }>> = {
  1: { title: 'Weir', category: 'drama' },
  2: { title: 'Sluice', category: 'silent' },
}

const find = (keys: readonly string[]) => Promise.resolve(keys.map((key) => movies[key] ?? null))

test('a rating is shown with its film, to the end of a month and not beyond', async () => {
  const ratings = [
    rating('1', '2026-01-31T00:00:00.000000Z'),
    rating('2', '2026-01-31T00:00:00.001000Z'),
  ]
  expect(await shownRatings({ customerId: '7', ratingCount: 2, ratings }, find)).toEqual({
    customerId: '7',
    ratingCount: 2,
    ratings: [
      {
        movieId: '1',
        title: 'Weir',
        category: 'drama',
        stars: 4,
        ratedAt: '2026-01-31T00:00:00.000000Z',
      },
    ],
  })
})

test.each([
  ['2026-01-01T00:00:00.000000Z', '2026-01-31T00:00:00.000000Z', '2026-01-31T00:00:00.000001Z'],
  ['2026-01-01T00:00:00.000999Z', '2026-01-31T00:00:00.000999Z', '2026-01-31T00:00:00.001000Z'],
  ['2023-12-31T23:59:59.999999Z', '2024-01-30T23:59:59.999999Z', '2024-01-31T00:00:00.000000Z'],
  ['2024-02-28T12:00:00.000000Z', '2024-03-29T12:00:00.000000Z', '2024-03-29T12:00:00.000001Z'],
  ['9999-12-15T00:00:00.000000Z', '+10000-01-14T00:00:00.000000Z', '+10000-01-14T00:00:00.000001Z'],
  [
    '+294276-11-30T00:00:00.500000Z',
    '+294276-12-30T00:00:00.500000Z',
    '+294276-12-30T00:00:00.500001Z',
  ],
  ['-0001-12-15T00:00:00.000000Z', '0000-01-14T00:00:00.000000Z', '0000-01-14T00:00:00.000001Z'],
])('of a film seen at %s the last rating is of %s, and none of %s', async (seenAt, last, late) => {
  const ratings = [
    { ...rating('1', last), seenAt },
    { ...rating('2', late), seenAt },
  ]
  const { ratings: shown } = await shownRatings({ ratings }, find)
  expect(shown).toMatchObject([{ movieId: '1', ratedAt: last }])
})

test('a rating whose film has not come waits, and those behind it are shown', async () => {
  const ratings = ['9', '2'].map((id) => rating(id, '2026-01-02T00:00:00.000000Z'))
  const { ratings: shown } = await shownRatings({ ratings }, find)
  expect(shown).toMatchObject([{ movieId: '2', title: 'Sluice' }])
})
