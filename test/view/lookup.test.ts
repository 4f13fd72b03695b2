import type { MillraceError } from '../../src/errors.ts'
import { bigint, text } from '../../src/types/declare.ts'
import { countsOf } from '../../src/view/aggregates/counts-of.ts'
import { topOf } from '../../src/view/aggregates/top-of.ts'
import { defineView, from } from '../../src/view/define-view.ts'
import { readWeight, lookup, lookupFaults } from '../../src/view/lookup.ts'

const artist = defineView({
  name: 'artist',
  key: { artistId: 'bigint' },
  row: from('artists', { key: 'artist_id', fields: { name: 'name', born: bigint('born') } }),
})

const album = defineView({
  name: 'album',
  key: { label: 'text', number: 'bigint' },
  row: from('albums', { key: ['label', 'number'], fields: { title: 'title' } }),
})

const row = from('users', { key: 'user_id', fields: { artistId: bigint('artist_id') } })

function listener(given: object = {}) {
  return defineView({ name: 'listener', key: { userId: 'bigint' }, row, ...given })
}

const artistItem = { artistId: bigint('artist_id') }
const albumItem = { label: 'label', number: bigint('number') }

const top = (item: object, view: string, fields: object) => ({
  aggregates: {
    top: topOf('listens', {
      item: item as typeof artistItem,
      most: 10,
      by: 'user_id',
      lookup: { view, fields: fields as Readonly<Record<string, 'text'>> },
    }),
  },
})

const named = (view: string, by: string, fields: object) => ({
  lookups: { favourite: lookup(view, { by, fields: fields as Readonly<Record<string, 'text'>> }) },
})

describe('a lookup', () => {
  test.each<[string, object]>([
    ['by a field', named('artist', 'artistId', { name: 'text', born: 'bigint' })],
    ['by an item', top(artistItem, 'artist', { name: 'text' })],
    ['by an item of several columns', top(albumItem, 'album', { title: 'text' })],
  ])('%s of a view that is keyed so is right', (_, given) => {
    expect(lookupFaults([listener(given), artist, album])).toEqual([])
  })

  test.each<[object, string]>([
    [
      named('artists', 'artistId', { name: 'text' }),
      'lookup favourite of listener: there is no view artists; did you mean artist?',
    ],
    [
      named('album', 'artistId', { title: 'text' }),
      'lookup favourite of listener: it has bigint, and album is keyed by text, bigint',
    ],
    [
      named('artist', 'artistId', { nmae: 'text' }),
      'lookup favourite of listener: artist has no field nmae; did you mean name?',
    ],
    [
      named('artist', 'artistId', { born: 'text' }),
      'lookup favourite of listener: born of artist is bigint, not text',
    ],
    [
      top({ artistId: text('artist_id') }, 'artist', { name: 'text' }),
      'lookup top of listener: it has text, and artist is keyed by bigint',
    ],
    [
      top(albumItem, 'artist', { name: 'text' }),
      'lookup top of listener: it has text, bigint, and artist is keyed by bigint',
    ],
  ])('that the others do not fit is a fault: %#', (given, fault) => {
    const view = listener(given)
    expect(lookupFaults([view, artist, album])).toEqual([fault])
  })

  test.each<[object, string]>([
    [
      named('artist', 'artist', { name: 'text' }),
      'lookup favourite: there is no field artist; did you mean artistId?',
    ],
    [named('artist', 'artistId', {}), 'lookup favourite names no fields'],
    [
      named('artist', 'artistId', { name: 'txt' }),
      "lookup favourite: there is no type 'txt' for name",
    ],
    [top(artistItem, 'artist', {}), 'lookup names no fields'],
    [top(artistItem, 'artist', { artistId: 'bigint' }), 'lookup: its items have artistId already'],
    [top(artistItem, 'artist', { count: 'bigint' }), 'lookup: its items have count already'],
    [
      { lookups: { artistId: lookup('artist', { by: 'artistId', fields: { name: 'text' } }) } },
      "'artistId' is named twice",
    ],
  ])('can not be declared with what it lacks: %#', (given, fault) => {
    let message = ''
    try {
      listener(given)
    } catch (error) {
      message = (error as MillraceError).message
    }
    expect(message).toBe(`view 'listener' can't be defined: ${fault}`)
  })

  test('says what a read costs, with what is looked up and the items of its own', () => {
    const countries = countsOf('listens', {
      item: 'country',
      by: 'user_id',
      lookup: { view: 'country', fields: { name: 'text' } },
    })
    const { aggregates } = top(artistItem, 'artist', { name: 'text' })
    const both = { ...named('artist', 'artistId', { name: 'text' }), aggregates }
    expect(readWeight(listener())).toBe(1)
    expect(readWeight(listener(both))).toBe(1 + 1 + 10 + 10 / 4)
    expect(readWeight(listener({ aggregates: { ...aggregates, countries } }))).toBe(
      1 + 110 + 110 / 4,
    )
  })
})
