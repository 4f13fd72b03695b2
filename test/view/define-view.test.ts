import { MillraceError } from '../../src/errors.ts'
import { columnsOf, retractColumnsOf, tablesOf } from '../../src/view/view.ts'
import {
  bigint,
  countOf,
  defineView,
  from,
  timestamptz,
  type ViewDeclaration,
} from '../../src/view/define-view.ts'
import { replicaIdentityOf } from '../../src/view/replica-identity.ts'
import { userInformation } from '../../src/views/user-information.ts'
import { userLayout } from '../support/view-layouts.ts'

const good: ViewDeclaration = {
  name: 'place-information',
  key: { placeName: 'text' },
  row: from('places', {
    key: 'name',
    fields: { ownerId: bigint('owner_id'), openedAt: timestamptz('opened_at'), motto: 'motto' },
  }),
  counts: { visitCount: countOf('visits', { by: 'place' }) },
}

describe('a declaration', () => {
  test('becomes a view with its layout, in the order declared', () => {
    expect(defineView(good)).toEqual({
      name: 'place-information',
      key: { name: 'placeName', type: 'text' },
      row: {
        table: 'places',
        key: 'name',
        fields: [
          { name: 'ownerId', stored: 'ownerId', column: 'owner_id', type: 'bigint' },
          { name: 'openedAt', stored: 'openedAt', column: 'opened_at', type: 'timestamptz' },
          { name: 'motto', stored: 'motto', column: 'motto', type: 'text' },
        ],
      },
      counts: [{ name: 'visitCount', stored: 'visitCount', table: 'visits', by: 'place' }],
      layout: {
        name: 'place-information',
        key: { name: 'placeName', type: 'text' },
        fields: [
          { name: 'ownerId', type: 'bigint' },
          { name: 'openedAt', type: 'timestamptz' },
          { name: 'motto', type: 'text' },
        ],
        counts: ['visitCount'],
      },
    })
  })

  const fields = (more: ViewDeclaration['row']['fields']) => ({
    row: { ...good.row, fields: { ...good.row.fields, ...more } },
  })

  test.each<[string, Partial<ViewDeclaration>, RegExp]>([
    ['a name in camelCase', { name: 'placeInformation' }, /kebab-case/],
    ['a reserved name', { name: 'millrace' }, /'millrace' is reserved/],
    ['no key', { key: {} }, /one key, not 0/],
    ['two keys', { key: { a: 'text', b: 'text' } }, /one key, not 2/],
    ['a key of another type', { key: { a: 'timestamptz' } as never }, /neither bigint nor text/],
    ['a field named as the key', fields({ placeName: 'x' }), /'placeName' is named twice/],
    [
      'a count named as a field',
      { counts: { motto: countOf('visits', { by: 'place' }) } },
      /'motto' is named twice/,
    ],
    [
      'names that differ in upper case',
      fields({ ownerID: 'x' }),
      /'ownerId' and 'ownerID' collide/,
    ],
    ['a field in snake_case', fields({ owner_id: 'x' }), /'owner_id' is not a camelCase name/],
    ['a reserved field', fields({ constructor: 'x' }), /'constructor' is reserved/],
    ['a field that is no name', fields({ '': 'x' }), /'' is not a camelCase name/],
    ['a table without a name', { row: { ...good.row, table: '' } }, /'' can't name/],
    ['a key column without a name', { row: { ...good.row, key: '' } }, /'' can't name/],
    ['a column without a name', fields({ again: '' }), /'' can't name/],
    ['a column with a quote', fields({ again: 'a"b' }), /'a"b' can't name/],
    ['a column that ends in a quote', fields({ again: 'a"' }), /'a"' can't name/],
    ['a name that is too long', fields({ again: 'x'.repeat(64) }), /can't name a table or column/],
    [
      'a counted table without a name',
      { counts: { visitCount: countOf('', { by: 'place' }) } },
      /'' can't name/,
    ],
    [
      'a count by a column without a name',
      { counts: { visitCount: countOf('visits', { by: '' }) } },
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

  test('is told everything that is wrong with it, at once', () => {
    expect(() => defineView({ ...good, name: 'X', key: {} })).toThrow(/kebab-case; .*one key/)
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
