import type { Row, StreamedChange } from '../../src/change.ts'
import { fold } from '../../src/view/fold.ts'
import { defineView, countOf, from } from '../../src/view/define-view.ts'
import { viewOf } from '../../src/view/view.ts'
import { userInformation } from '../../examples/social/user-information.ts'
import { insert, remove, update } from '../support/builders.ts'
import { userFields } from '../support/view-layouts.ts'

function contributions(change: StreamedChange, view = userInformation) {
  const folded = fold(view, change)
  if (folded.kind === 'unusable') throw new Error(folded.reason)
  return folded.contributions
}

const user = (more: Row = {}): Row => ({
  user_id: 1n,
  username: 'ada',
  name: null,
  description: null,
  location: null,
  web_page_url: null,
  joined_date: '2026-11-21T10:18:00.123456Z',
  profile_image_url: null,
  background_image_url: null,
  ...more,
})

const key = { user_id: 1n }
const adds = (entry: string, name: string, amount: bigint) => ({
  entry,
  put: undefined,
  add: { [name]: amount },
})

describe('the owning row', () => {
  test('puts its fields when it comes', () => {
    expect(contributions(insert('users', key, user()))).toEqual([
      { entry: '1', put: userFields(), add: {} },
    ])
  })

  test('puts all its fields when one changes', () => {
    const change = update('users', key, { before: { user_id: 1n }, after: user({ name: 'Ada' }) })
    expect(contributions(change)).toEqual([
      { entry: '1', put: userFields({ name: 'Ada' }), add: {} },
    ])
  })

  test('removes its fields when it goes, known by its key alone', () => {
    const gone = [{ entry: '1', put: null, add: {} }]
    expect(contributions(remove('users', key))).toEqual(gone)
    expect(contributions(remove('users', key, { user_id: 1n }))).toEqual(gone)
  })

  test('leaves the entry that it moves away from', () => {
    const byName = defineView({
      name: 'by-name',
      key: { username: 'text' },
      row: from('users', { key: 'username', fields: { name: 'name' } }),
    })
    const after = { username: 'bob', name: 'B' }
    const change = update('users', key, { before: { username: 'ada' }, after })
    expect(contributions(change, byName)).toEqual([
      { entry: 'ada', put: null, add: {} },
      { entry: 'bob', put: { name: 'B' }, add: {} },
    ])
    const gone = update('users', key, {
      before: { username: 'ada' },
      after: { username: null, name: null },
    })
    expect(contributions(gone, byName)).toEqual([{ entry: 'ada', put: null, add: {} }])
  })

  test('can not be followed by an update without its earlier values', () => {
    const folded = fold(userInformation, update('users', key, { after: user() }))
    expect(folded).toEqual({ kind: 'unusable', reason: expect.stringContaining('users') })
  })
})

describe('a counted row', () => {
  const tweet = { tweet_id: 9n }
  const follow = { follower_id: 1n, followee_id: 2n }

  test('adds one where it comes and takes one where it goes', () => {
    expect(contributions(insert('tweets', tweet, { user_id: 1n }))).toEqual([
      adds('1', 'tweetCount', 1n),
    ])
    expect(contributions(remove('tweets', tweet, { user_id: 1n }))).toEqual([
      adds('1', 'tweetCount', -1n),
    ])
  })

  test('counts for every group that it belongs to', () => {
    expect(contributions(insert('follows', follow, follow))).toEqual([
      adds('1', 'followingCount', 1n),
      adds('2', 'followerCount', 1n),
    ])
  })

  test('moves from its earlier group to the new one', () => {
    const change = update('tweets', tweet, { before: { user_id: 1n }, after: { user_id: 2n } })
    expect(contributions(change)).toEqual([
      adds('1', 'tweetCount', -1n),
      adds('2', 'tweetCount', 1n),
    ])
  })

  test('gives nothing when it stays in its group', () => {
    const change = update('tweets', tweet, { before: { user_id: 1n }, after: { user_id: 1n } })
    expect(contributions(change)).toEqual([])
  })

  test('stays in its group when an update keeps silent about a group inside the key', () => {
    expect(contributions(update('follows', follow, { after: follow }))).toEqual([])
  })

  test('is taken away by its key where the key holds the group', () => {
    expect(contributions(remove('follows', follow))).toEqual([
      adds('1', 'followingCount', -1n),
      adds('2', 'followerCount', -1n),
    ])
  })

  test('counts nowhere while its group is null', () => {
    expect(contributions(insert('tweets', tweet, { user_id: null }))).toEqual([])
    const joins = update('tweets', tweet, { before: { user_id: null }, after: { user_id: 2n } })
    expect(contributions(joins)).toEqual([adds('2', 'tweetCount', 1n)])
    expect(contributions(remove('tweets', tweet, { user_id: null }))).toEqual([])
  })

  test.each([
    ['an update', update('tweets', tweet, { after: { user_id: 2n } })],
    ['a delete', remove('tweets', tweet)],
  ])('is never guessed: %s without the earlier group', (_, change) => {
    expect(fold(userInformation, change)).toEqual({
      kind: 'unusable',
      reason: expect.stringMatching(/tweets .* user_id.* user-information/),
    })
  })
})

test('a row may own an entry and be counted by another', () => {
  const tree = defineView({
    name: 'nodes',
    key: { nodeId: 'bigint' },
    row: from('nodes', { key: 'id', fields: { name: 'name' } }),
    aggregates: { children: countOf('nodes', { by: 'parent' }) },
  })
  const node = insert('nodes', { id: 2n }, { id: 2n, name: 'x', parent: 1n })
  expect(contributions(node, tree)).toEqual([
    { entry: '2', put: { name: 'x' }, add: {} },
    adds('1', 'children', 1n),
  ])
})

describe('an entry whose key has several parts', () => {
  const orders = defineView({
    name: 'orders',
    key: { shop: 'text', number: 'integer' },
    row: from('sales.orders', { key: ['shop', 'number'], fields: { note: 'note' } }),
    aggregates: { lines: countOf('sales.lines', { by: ['of_shop', 'of_number'] }) },
  })
  const id = { id: 1n }
  const line = (shop: string | null, number: bigint | null) => ({
    of_shop: shop,
    of_number: number,
  })

  test('is named by all of them', () => {
    const row = { shop: 'a:b', number: 7n, note: null }
    expect(contributions(insert('sales.orders', row, row), orders)).toEqual([
      { entry: 'a\\:b:7', put: { note: null }, add: {} },
    ])
    expect(contributions(remove('sales.orders', { shop: 'a', number: 7n }), orders)).toEqual([
      { entry: 'a:7', put: null, add: {} },
    ])
    expect(contributions(insert('sales.lines', id, line('eu', 7n)), orders)).toEqual([
      adds('eu:7', 'lines', 1n),
    ])
  })

  test('is another one where one of them changes', () => {
    const rows = { before: line('eu', 7n), after: line('eu', 8n) }
    expect(contributions(update('sales.lines', id, rows), orders)).toEqual([
      adds('eu:7', 'lines', -1n),
      adds('eu:8', 'lines', 1n),
    ])
    const same = { before: line('eu', 7n), after: line('eu', 7n) }
    expect(contributions(update('sales.lines', id, same), orders)).toEqual([])
  })

  test('is none where one of them is null', () => {
    expect(contributions(insert('sales.lines', id, line(null, 7n)), orders)).toEqual([])
    const rows = { before: line('eu', null), after: line('eu', 8n) }
    expect(contributions(update('sales.lines', id, rows), orders)).toEqual([
      adds('eu:8', 'lines', 1n),
    ])
    const left = { before: line('eu', 8n), after: line('eu', null) }
    expect(contributions(update('sales.lines', id, left), orders)).toEqual([
      adds('eu:8', 'lines', -1n),
    ])
  })

  test('is never guessed where one of them is missing', () => {
    expect(fold(orders, remove('sales.lines', { id: 1n, of_shop: 'eu' }))).toMatchObject({
      kind: 'unusable',
      reason: expect.stringMatching(/of_number/),
    })
    const silent = { after: line('eu', 8n) }
    expect(fold(orders, update('sales.lines', { of_shop: 'eu' }, silent)).kind).toBe('unusable')
    const known = { of_shop: 'eu', of_number: 8n }
    expect(contributions(update('sales.lines', known, silent), orders)).toEqual([])
  })
})

test('fields and counts are given under the names that they have in stores', () => {
  const [username] = userInformation.row!.fields
  const renamed = viewOf({
    ...userInformation,
    row: { ...userInformation.row!, fields: [{ ...username!, stored: 'username@1' }] },
    counts: userInformation.counts.map((count) => ({ ...count, stored: `${count.name}@2` })),
  })
  expect(contributions(insert('users', key, user()), renamed)).toEqual([
    { entry: '1', put: { 'username@1': 'ada' }, add: {} },
  ])
  const tweet = { tweet_id: 9n }
  expect(contributions(insert('tweets', tweet, { user_id: 1n }), renamed)).toEqual([
    adds('1', 'tweetCount@2', 1n),
  ])
  const moved = update('tweets', tweet, { before: { user_id: 1n }, after: { user_id: 2n } })
  expect(contributions(moved, renamed)).toEqual([
    adds('1', 'tweetCount@2', -1n),
    adds('2', 'tweetCount@2', 1n),
  ])
  expect(contributions(remove('tweets', tweet, { user_id: 1n }), renamed)).toEqual([
    adds('1', 'tweetCount@2', -1n),
  ])
})

test('a table that the view does not read gives nothing', () => {
  expect(contributions(insert('other', { id: 1n }, { id: 1n }))).toEqual([])
})
