import { Client } from 'pg'
import type { ViewLayout } from '../../src/mutation.ts'
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts'
import type { ViewStore } from '../../src/store/store.ts'
import { put, userFields, userLayout, widerLayout } from '../support/view-layouts.ts'
import { postgresHarness, type OpenedView, type PostgresHarness } from './postgres-harness.ts'
import {
  aBeginning,
  aCommit,
  aTurn,
  checkpoint,
  declared,
  offset,
  one,
  readerOf,
  serving,
  stateOf,
  step,
  storeForEachTest,
  texts,
  users1,
} from './store-fixture.ts'

let harness: PostgresHarness
let store: ViewStore

const closeAfterwards = storeForEachTest(
  () => postgresHarness(),
  (...parts) => {
    ;[harness, store] = parts
  },
)

/** So each of these tests begins with a table that has no column but those of every view. */
afterEach(async () => {
  await harness.sql.query('drop table if exists user_information')
})

async function open(view: OpenedView, url = harness.url) {
  const client = await openPostgresStore({ url, view, callTimeoutMs: 5_000 })
  closeAfterwards(client)
  return client
}

async function columns(): Promise<ReadonlyMap<string, string>> {
  const { rows } = await harness.sql.query<{ column_name: string; data_type: string }>(
    `select column_name, data_type from information_schema.columns
     where table_name = 'user_information'`,
  )
  return new Map(rows.map((row) => [row.column_name, row.data_type]))
}

const later: ViewLayout = {
  ...userLayout,
  fields: [{ name: 'webPageUrl@0badc0', type: 'bigint' }],
  counts: ['tweetCount@1a2b3c'],
}

test('a column is there for each field and counter, by its stored name', async () => {
  const epoch = await serving(store)
  const put7 = { entry: '1', put: { 'webPageUrl@0badc0': '7' }, add: { 'tweetCount@1a2b3c': 2n } }
  const commit = aCommit(epoch, { partition: users1, mutations: [put7] })
  expect(await store.writer(later).commit(commit)).toMatchObject({ kind: 'applied' })
  expect(await texts(store, ['1'], later)).toEqual(['+1:11:7;2'])
  const found = await columns()
  expect(found.get('web_page_url@0badc0')).toBe('bigint')
  expect(found.get('tweet_count@1a2b3c')).toBe('bigint')
  expect(found.get('joined_date')).toBe('timestamp with time zone')
  const { rows } = await harness.sql.query('select "tweet_count@1a2b3c" as n from user_information')
  expect(rows).toEqual([{ n: '2' }])
})

test('two names that Postgres would cut to the same one have a column each', async () => {
  const long = 'aVeryLongNameOfAColumnThatGoesOnAndOnUntilItIsCutOffByPostgres'
  const counts = [`${long}One`, `${long}Two`]
  const layout = { ...userLayout, fields: [], counts }
  const epoch = await serving(store)
  const mutations = [{ entry: '1', put: undefined, add: { [counts[0]!]: 1n, [counts[1]!]: 2n } }]
  await store.writer(layout).commit(aCommit(epoch, { partition: users1, mutations }))
  expect(await texts(store, ['1'], layout)).toEqual(['-;1;2'])
})

test('readers of a declaration whose columns are not there yet wait for it', async () => {
  const reader = store.reader(later, 'd2')
  const absent = { kind: 'unavailable', phase: 'absent' }
  const building = { kind: 'unavailable', phase: 'building' }
  expect(await reader.read(['1'])).toEqual(absent)
  await serving(store, [put('1')])
  expect(await reader.read(['1'])).toEqual(building)
  const second = { ...declared, id: 'd2' }
  const { epoch, declarations } = await stateOf(store)
  await store.coordination.turn(aTurn(epoch, { declarations: [...declarations, second] }))
  expect(await reader.read(['1'])).toEqual(building)
  const audit = store.audit(later)
  const state = await stateOf(store)
  await audit.look({ epoch: state.epoch, keys: ['1'], ticket: undefined })
  expect(await reader.read(['1'])).toEqual(building)
  const { epoch: turned, pass: before } = state
  await audit.progress({ epoch: turned, before, after: '2', ended: [], completed: ['d2'] })
  expect(await reader.read(['1'])).toMatchObject({ kind: 'serving', entries: [{ key: '1' }] })
})

test('a column that is missing under a complete declaration is a fault and not a wait', async () => {
  await serving(store, [put('1')])
  await harness.sql.query('alter table user_information drop column username')
  await expect(readerOf(store).read(['1'])).rejects.toMatchObject({ code: 'store-type' })
})

test('a column that somebody dropped comes back empty for whoever writes', async () => {
  await serving(store, [put('1')])
  await harness.sql.query('alter table user_information drop column username')
  await step(store, 10, [put('2')])
  expect((await one(store, '1'))?.fields.username).toBeNull()
  expect((await one(store, '2'))?.fields.username).toBe('ada')
})

test('many may need the same columns at once', async () => {
  const epoch = await serving(store)
  const clients = await Promise.all(Array.from({ length: 5 }, () => open(userLayout)))
  const looks = clients.map((client) =>
    client.audit(widerLayout).look({ epoch, keys: ['1'], ticket: undefined }),
  )
  for (const answer of await Promise.all(looks)) {
    expect(answer).toMatchObject({ kind: 'entries', texts: ['-;0;0;0;0;0'] })
  }
  expect((await columns()).has('mail_count')).toBe(true)
})

test('a removed row leaves nothing in columns that came after the statement was made', async () => {
  await serving(store, [put('1')])
  await step(store, 10, [{ ...put('1'), add: { likeCount: 1n } }])
  const { epoch } = await stateOf(store)
  const wide = { entry: '1', put: { ...userFields(), motto: 'Onwards' }, add: { mailCount: 1n } }
  await store.writer(widerLayout).commit(aCommit(epoch, { partition: users1, mutations: [wide] }))
  await step(store, 11, [{ entry: '1', put: null, add: {} }])
  const { rows } = await harness.sql.query('select motto, mail_count from user_information')
  expect(rows).toEqual([{ motto: null, mail_count: null }])
})

test('readers do not wait long behind a column that waits for somebody else', async () => {
  const epoch = await serving(store, [put('1')])
  const commit = aCommit(epoch, { partition: users1 })
  const client = await harness.sql.connect()
  try {
    await client.query(
      'begin; set local idle_in_transaction_session_timeout = 0; select from user_information',
    )
    const began = performance.now()
    const adding = store.writer(widerLayout).commit(commit)
    await expect(adding).rejects.toMatchObject({ code: 'store-away', retriable: true })
    expect(performance.now() - began).toBeLessThan(3_000)
  } finally {
    await client.query('rollback')
    client.release()
  }
  expect((await store.writer(widerLayout).commit(commit)).kind).toBe('applied')
}, 15_000)

test('a swept field is empty in the entries that were named, and its column stays', async () => {
  const epoch = await serving(store, [put('1', { name: 'Ada' }), put('2', { name: 'Bob' })])
  const { fields, counts } = userLayout
  const without = {
    ...userLayout,
    fields: fields.filter(({ name }) => name !== 'name'),
    counts: counts.filter((name) => name !== 'likeCount'),
  }
  const audit = store.audit(without)
  expect(await audit.sweep(epoch, ['1'], ['name', 'likeCount', 'neverThere'])).toBe(true)
  const { rows } = await harness.sql.query(
    'select user_id, name, like_count from user_information order by 1',
  )
  expect(rows).toEqual([
    { user_id: '1', name: null, like_count: null },
    { user_id: '2', name: 'Bob', like_count: '0' },
  ])
})

test('counters of a table that forbade nulls may be missing', async () => {
  await harness.sql.query(
    'alter table user_information add column like_count bigint not null default 0',
  )
  await serving(store, [{ entry: '1', put: undefined, add: { tweetCount: 1n } }])
  const { rows } = await harness.sql.query('select like_count from user_information')
  expect(rows).toEqual([{ like_count: null }])
})

test.each([
  ['without a key', 'create table public.user_information (user_id bigint, present boolean)'],
  ['with a key of another type', 'create table public.user_information (user_id text primary key)'],
  [
    'with another key',
    'create table public.user_information (id bigint primary key, user_id bigint)',
  ],
  [
    'with a key for some rows only',
    `create table public.user_information (user_id bigint, present boolean);
     create unique index on public.user_information (user_id) where present`,
  ],
])('a table %s is refused', async (_, create) => {
  await harness.sql.query(`drop table user_information; ${create}`)
  await expect(open(userLayout)).rejects.toMatchObject({ code: 'store-layout', retriable: false })
})

test('a column of another type is refused, and nothing is written', async () => {
  const epoch = (await store.coordination.open(aBeginning()))!
  await harness.sql.query('alter table user_information add column like_count text')
  const [to, mutations] = [checkpoint(11), [put('1')]]
  const commit = store.writer(userLayout).commit(aCommit(epoch, { to, mutations }))
  const message = expect.stringContaining('like_count')
  await expect(commit).rejects.toMatchObject({ code: 'store-layout', message })
  const found = await store.writer(userLayout).checkpoints(epoch)
  expect(found.get('users/0')?.next).toBe(offset(10))
})

test('a view whose table is gone is begun anew', async () => {
  await serving(store, [put('1')])
  await harness.sql.query('drop table user_information')
  const commit = step(store, 10, [put('2')])
  await expect(commit).rejects.toMatchObject({ code: 'store-type', retriable: false })
  const client = await open(userLayout)
  expect(await client.watchable.state()).toBeUndefined()
  expect(await readerOf(client).read(['1'])).toEqual({ kind: 'unavailable', phase: 'absent' })
})

test('a database that can not hold every text is refused', async () => {
  const admin = new Client({ connectionString: harness.server.url })
  await admin.connect()
  await admin.query(`create database narrow template template0 encoding 'LATIN1'
    lc_collate 'C' lc_ctype 'C'`)
  await admin.end()
  const url = new URL(harness.server.url)
  url.pathname = '/narrow'
  const message = expect.stringContaining('LATIN1')
  await expect(open(userLayout, url.href)).rejects.toMatchObject({ code: 'store-layout', message })
})

test('numbers of floating point come whole, whatever the role is set to', async () => {
  await harness.sql.query('alter role current_user set extra_float_digits = -15')
  const layout: ViewLayout = { ...userLayout, fields: [{ name: 'size', type: 'double' }] }
  const client = await open(userLayout)
  const epoch = await serving(client)
  const mutations = [{ entry: '1', put: { size: '0.30000000000000004' }, add: {} }]
  await client.writer(layout).commit(aCommit(epoch, { partition: users1, mutations }))
  const found = await texts(client, ['1'], layout)
  await harness.sql.query('alter role current_user reset extra_float_digits')
  expect(found).toEqual(['+1:119:0.30000000000000004;0;0;0;0'])
})
