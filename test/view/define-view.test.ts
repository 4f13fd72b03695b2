import { MillraceError } from '../../src/errors.ts'
import { columnsOf, mayBeNegative, retractColumnsOf, tablesOf } from '../../src/view/view.ts'
import {
  arrayOf,
  bigint,
  double,
  integer,
  json,
  numeric,
  time,
  timestamptz,
} from '../../src/types/declare.ts'
import {
  countOf,
  defineView,
  from,
  type RowDeclaration,
  type ViewDeclaration,
} from '../../src/view/define-view.ts'
import { latestOf } from '../../src/view/aggregates/latest-of.ts'
import { maxOf } from '../../src/view/aggregates/max-of.ts'
import { minOf } from '../../src/view/aggregates/min-of.ts'
import { topOf } from '../../src/view/aggregates/top-of.ts'
import { averageOf } from '../../src/view/aggregates/average-of.ts'
import { sumOf } from '../../src/view/aggregates/sum-of.ts'
import { eq, gt, inArray, isNull, lt, ne, type Condition } from '../../src/view/condition.ts'
import { replicaIdentityOf } from '../../src/view/replica-identity.ts'
import { userInformation } from '../../examples/social/user-information.ts'
import { userLayout } from '../support/view-layouts.ts'

const good: ViewDeclaration = {
  name: 'place-information',
  key: { placeName: 'text' },
  row: from('places', {
    key: 'name',
    fields: { ownerId: bigint('owner_id'), openedAt: timestamptz('opened_at'), motto: 'motto' },
  }),
  aggregates: { visitCount: countOf('visits', { by: 'place' }) },
}

describe('a declaration', () => {
  test('becomes a view with its layout, in the order declared', () => {
    expect(defineView(good)).toEqual({
      name: 'place-information',
      key: [{ name: 'placeName', type: 'text' }],
      row: {
        table: 'places',
        key: ['name'],
        fields: [
          { name: 'ownerId', stored: 'ownerId', column: 'owner_id', type: 'bigint' },
          { name: 'openedAt', stored: 'openedAt', column: 'opened_at', type: 'timestamptz' },
          { name: 'motto', stored: 'motto', column: 'motto', type: 'text' },
        ],
      },
      counts: [
        {
          name: 'visitCount',
          stored: 'visitCount',
          table: 'visits',
          by: ['place'],
          where: [],
          adds: { kind: 'row' },
        },
      ],
      tallies: [],
      aggregates: [
        { name: 'visitCount', kind: 'count', counts: ['visitCount'], scale: 0, digits: 0 },
      ],
      layout: {
        name: 'place-information',
        key: [{ name: 'placeName', type: 'text' }],
        fields: [
          { name: 'ownerId', type: 'bigint' },
          { name: 'openedAt', type: 'timestamptz' },
          { name: 'motto', type: 'text' },
        ],
        counts: ['visitCount'],
        presence: [],
        tallies: [],
        slices: [],
      },
    })
  })

  const fields = (more: RowDeclaration['fields']) => ({
    row: { ...good.row!, fields: { ...good.row!.fields, ...more } },
  })
  const where = (...conditions: readonly Condition[]) => ({
    aggregates: { visitCount: countOf('visits', { by: 'place', where: conditions }) },
  })

  test.each<[string, Partial<ViewDeclaration>, RegExp]>([
    [
      'a condition with a constant that its type does not have',
      {
        aggregates: { some: countOf('visits', { by: 'place', where: [gt(integer('n'), '1.5')] }) },
      },
      /'1\.5' for n is not the plain decimal form of a 32-bit signed integer/,
    ],
    [
      'a condition on the order of texts',
      { aggregates: { some: countOf('visits', { by: 'place', where: [lt('name', 'b')] }) } },
      /name can't be compared by <: its order is not the same everywhere/,
    ],
    [
      'a condition on a type without equality',
      { aggregates: { some: countOf('visits', { by: 'place', where: [eq(json('j'), '1')] }) } },
      /j of type json can't be compared with a constant/,
    ],
    [
      'a column of two types in conditions',
      {
        aggregates: {
          some: countOf('visits', { by: 'place', where: [eq('n', '1')] }),
          sum: sumOf('visits', { by: 'place', of: integer('n') }),
        },
      },
      /column n of visits is both text and integer/,
    ],
    [
      'a sum of floating point',
      { aggregates: { sum: sumOf('visits', { by: 'place', of: double('d') }) } },
      /d of type double can't be added up exactly: integers and numeric can/,
    ],
    [
      'a sum of integers with digits behind the point',
      { aggregates: { sum: sumOf('visits', { by: 'place', of: integer('n'), scale: 2 }) } },
      /n of type integer has no digits behind the point/,
    ],
    [
      'an average of too many digits',
      { aggregates: { mean: averageOf('visits', { by: 'place', of: integer('n'), digits: 19 }) } },
      /n: scale and digits are whole numbers from 0 to 18/,
    ],
    [
      'a name that an average needs for itself',
      {
        aggregates: {
          mean: averageOf('visits', { by: 'place', of: integer('n'), digits: 1 }),
          meanSum: countOf('visits', { by: 'place' }),
        },
      },
      /'meanSum' is named twice/,
    ],
    [
      'a property of an aggregate that is none',
      { aggregates: { n: countOf('visits', { by: 'place', were: [] } as never) } },
      /countOf has no were; did you mean where/,
    ],
    [
      'an item of a type whose equal values have several texts',
      { aggregates: { top: topOf('visits', { by: 'place', item: double('d'), most: 3 }) } },
      /d of type double can't be an item/,
    ],
    [
      'an item without columns, and one that is named as its count',
      {
        aggregates: {
          none: topOf('visits', { by: 'place', item: {}, most: 3 }),
          count: topOf('visits', { by: 'place', item: { count: 'n' }, most: 3 }),
        },
      },
      /an item needs a column: .*; an item's column can't be called count/,
    ],
    [
      'too many items',
      { aggregates: { top: topOf('visits', { by: 'place', item: 'n', most: 1001 }) } },
      /most: 1001 is no whole number from 1 to 1000/,
    ],
    [
      'rows in the order of text',
      {
        aggregates: {
          last: latestOf('visits', {
            by: 'place',
            key: bigint('id'),
            most: 3,
            fields: { n: 'n' },
            order: { column: 'n', type: 'text' },
          }),
        },
      },
      /n of type text can't order rows; integers, numeric with a scale, .* add a column/,
    ],
    [
      'a key whose equal values have several texts, no key, and a scale of a date',
      {
        aggregates: {
          least: minOf('visits', { by: 'place', of: integer('n'), key: double('id') }),
          none: minOf('visits', { by: 'place', of: integer('n'), key: [] }),
          first: minOf('visits', { by: 'place', of: time('at'), scale: 2, key: bigint('k') }),
        },
      },
      /id of type double can't be part of a row's key: .*key names no column.*at of type time has no scale/,
    ],
    [
      'a list that shows nothing, and one with a name that is none',
      {
        aggregates: {
          last: latestOf('visits', {
            by: 'place',
            order: time('at'),
            key: bigint('id'),
            most: 3,
            fields: {},
          }),
          more: latestOf('visits', {
            by: 'place',
            order: time('at'),
            key: bigint('id'),
            most: 3,
            fields: { 'a-b': 'n' },
          }),
        },
      },
      /latestOf needs fields: .*'a-b' is not a camelCase name/,
    ],
    [
      'a column of an item that has another type elsewhere',
      {
        aggregates: {
          top: topOf('visits', { by: 'place', item: bigint('n'), most: 3 }),
          sum: sumOf('visits', { by: 'place', of: integer('n') }),
        },
      },
      /column n of visits is both bigint and integer/,
    ],
    [
      'a property that is none',
      { aggregate: {} } as object,
      /no aggregate; did you mean aggregates/,
    ],
    [
      'a property of the row that is none',
      { row: { ...good.row!, columns: {} } as RowDeclaration },
      /a row has no columns/,
    ],
    ['a name in camelCase', { name: 'placeInformation' }, /kebab-case/],
    ['a reserved name', { name: 'millrace' }, /'millrace' is reserved/],
    ['too long a wait', { lingerMs: 2_001 }, /lingerMs 2001 is no whole number of milliseconds/],
    ['a part of a millisecond', { lingerMs: 0.5 }, /lingerMs 0.5 is no whole number/],
    ['a wait that went by', { lingerMs: -1 }, /lingerMs -1 is no whole number/],
    ['no key', { key: {} }, /it needs a key/],
    [
      'a key of more parts than columns',
      { key: { a: 'text', b: 'text' } },
      /the key has 2 parts, and the key of places names 1 columns; .*'by' of visitCount names 1/,
    ],
    [
      'a key of a type that has no order',
      { key: { a: 'timestamptz' } as never },
      /key a can't be timestamptz: an entry for each microsecond is none/,
    ],
    ['a key of no type', { key: { a: 'blob' } as never }, /there is no type 'blob' for a/],
    [
      'a field of no type',
      fields({ a: { column: 'a', type: 'blob' as never } }),
      /there is no type 'blob' for a/,
    ],
    [
      'an array of what comes altered',
      fields({ a: arrayOf(time('a')) }),
      /a can't be an array of time: the connector alters some/,
    ],
    ['a field named as the key', fields({ placeName: 'x' }), /'placeName' is named twice/],
    [
      'a count named as a field',
      { aggregates: { motto: countOf('visits', { by: 'place' }) } },
      /'motto' is named twice/,
    ],
    [
      'names that differ in upper case',
      fields({ ownerID: 'x' }),
      /'ownerId' and 'ownerID' collide/,
    ],
    ['a field in snake_case', fields({ owner_id: 'x' }), /'owner_id' is not a camelCase name/],
    ['a reserved field', fields({ constructor: 'x' }), /'constructor' is reserved/],
    [
      'a count with a name that every object has',
      { aggregates: { valueOf: countOf('visits', { by: 'place' }) } },
      /'valueOf' is reserved/,
    ],
    ['a comparison with null', where(eq('state', null as never)), /state is compared with null, /],
    ['one with undefined', where(ne('state', undefined as never)), /compared with undefined, /],
    ['one with a list', where(eq('state', ['a'] as never)), /state is compared with a list, /],
    [
      'one with a time of JavaScript',
      where(lt(timestamptz('at'), new Date(0) as never)),
      /at is compared with an object, which is no constant/,
    ],
    ['null among several', where(inArray('state', ['a', null as never])), /compared with null, /],
    ['letters instead of several', where(inArray('state', 'ab' as never)), /with a list, /],
    [
      'a condition on a column of no type',
      where(isNull({ column: 'state', type: 'blob' as never })),
      /there is no type 'blob' for state/,
    ],
    ['a field that is no name', fields({ '': 'x' }), /'' is not a camelCase name/],
    ['a table without a name', { row: { ...good.row!, table: '' } }, /'' can't name/],
    ['a key column without a name', { row: { ...good.row!, key: '' } }, /'' can't name/],
    ['a column without a name', fields({ again: '' }), /'' can't name/],
    ['a column with a NUL', fields({ again: 'a\0b' }), /can't name a column/],
    [
      'a table with a lone quote',
      { row: { ...good.row!, table: 'a"' } },
      /'a"' can't name a table/,
    ],
    ['a table in two schemas', { row: { ...good.row!, table: 'a.b.c' } }, /'a.b.c' can't name/],
    ['a name that is too long', fields({ again: 'ä'.repeat(32) }), /can't name a column/],
    [
      'a counted table without a name',
      { aggregates: { visitCount: countOf('', { by: 'place' }) } },
      /'' can't name/,
    ],
    [
      'a count by a column without a name',
      { aggregates: { visitCount: countOf('visits', { by: '' }) } },
      /'' can't name/,
    ],
    [
      'a column of two types',
      fields({ again: timestamptz('owner_id') }),
      /owner_id of places is both bigint and timestamptz/,
    ],
    [
      'the key column as another type',
      fields({ same: bigint('name') }),
      /name of places is both text and bigint/,
    ],
  ])('is refused for %s', (_, wrong, reason) => {
    const define = () => defineView({ ...good, ...wrong })
    expect(define).toThrow(reason)
    expect(define).toThrow(MillraceError)
    expect(define).toThrow(expect.objectContaining({ code: 'view-invalid' }))
  })

  test('may have a key of several parts, and tables of any schema', () => {
    const view = defineView({
      name: 'orders',
      key: { shop: 'text', number: 'integer' },
      row: from('"sales".orders', { key: ['shop', 'number'], fields: { tags: arrayOf('tags') } }),
      aggregates: { lines: countOf('public."order.lines"', { by: ['of shop', 'of "number"'] }) },
    })
    expect(view.key).toEqual([
      { name: 'shop', type: 'text' },
      { name: 'number', type: 'integer' },
    ])
    expect(tablesOf(view)).toEqual(['sales.orders', '"order.lines"'])
    expect(columnsOf(view, 'sales.orders')).toEqual({
      shop: 'text',
      number: 'integer',
      tags: 'text[]',
    })
    expect(columnsOf(view, '"order.lines"')).toEqual({
      'of shop': 'text',
      'of "number"': 'integer',
    })
    expect(retractColumnsOf(view, 'sales.orders')).toEqual(['shop', 'number'])
    expect(replicaIdentityOf(view, '"order.lines"', ['of shop', 'of "number"', 'line'])).toBe(
      'default',
    )
    expect(replicaIdentityOf(view, '"order.lines"', ['of shop', 'line'])).toBe('full')
  })

  test('has one tally for aggregates of the same rows and items', () => {
    const by = 'shop'
    const rows = { key: bigint('id'), by }
    const of = integer('price')
    const { tallies, aggregates, layout } = defineView({
      name: 'shops',
      key: { shop: 'text' },
      aggregates: {
        least: minOf('sales', { ...rows, of }),
        most: maxOf('sales', { ...rows, of }),
        ofSome: maxOf('sales', { ...rows, of, where: [eq('kind', 'a')] }),
        ofOthers: maxOf('returns', { ...rows, of }),
        finest: maxOf('sales', { ...rows, of: numeric('weight'), scale: 3 }),
        coarse: maxOf('sales', { ...rows, of: numeric('weight'), scale: 1 }),
      },
    })
    const names = ['least', 'ofSome', 'ofOthers', 'finest', 'coarse']
    expect(tallies.map(({ name }) => name)).toEqual(names)
    expect(layout.tallies).toEqual(names.map((name) => ({ name })))
    expect(aggregates.map(({ name, tally }) => [name, tally])).toContainEqual(['most', 'least'])
    expect(layout.slices.slice(0, 3)).toEqual([
      { name: 'least', tally: 'least', order: 'first', most: 1 },
      { name: 'most', tally: 'least', order: 'last', most: 1 },
      { name: 'ofSome', tally: 'ofSome', order: 'last', most: 1 },
    ])
  })

  test('is told everything that is wrong with it, at once', () => {
    expect(() => defineView({ ...good, name: 'X', key: {} })).toThrow(/kebab-case; .*needs a key/)
  })
})

describe('user-information', () => {
  test('has the layout that stores are tested with', () => {
    expect(userInformation.layout).toEqual(userLayout)
  })

  test('names the tables, the columns and what a retract needs of them', () => {
    expect(tablesOf(userInformation)).toEqual(['users', 'tweets', 'follows', 'likes'])
    expect(columnsOf(userInformation, 'follows')).toEqual({
      follower_id: 'bigint',
      followee_id: 'bigint',
    })
    expect(Object.keys(columnsOf(userInformation, 'users'))).toHaveLength(9)
    expect(retractColumnsOf(userInformation, 'users')).toEqual(['user_id'])
    expect(retractColumnsOf(userInformation, 'follows')).toEqual(['follower_id', 'followee_id'])
  })

  test.each([
    ['users', ['user_id'], 'full'],
    ['tweets', ['tweet_id'], 'full'],
    ['follows', ['follower_id', 'followee_id'], 'default'],
    ['follows', ['follower_id'], 'full'],
    ['likes', ['user_id', 'tweet_id'], 'default'],
  ] as const)('needs of %s with key %p the replica identity %s', (table, key, identity) => {
    expect(replicaIdentityOf(userInformation, table, key)).toBe(identity)
  })
})

test('the replica identity of a table that a view does not read is a bug', () => {
  expect(() => replicaIdentityOf(userInformation, 'mails', ['id'])).toThrow(
    'user-information does not read mails',
  )
})

test('sums alone may be below zero without a fault', () => {
  const view = defineView({
    ...good,
    aggregates: {
      visits: countOf('visits', { by: 'place' }),
      spent: sumOf('visits', { by: 'place', of: integer('spent') }),
      mean: averageOf('visits', { by: 'place', of: integer('spent'), digits: 1 }),
    },
  })
  const names = view.layout.counts
  expect(names).toEqual(['visits', 'spent', 'meanSum', 'meanCount'])
  expect(names.filter((name) => mayBeNegative(view, name))).toEqual(['spent', 'meanSum'])
})
