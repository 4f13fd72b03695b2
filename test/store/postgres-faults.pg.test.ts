import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { absentText, decodeEntry, encodeEntry } from '../../src/store/entry-text.ts'
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts'
import type { ViewStore } from '../../src/store/store.ts'
import type { Mutation } from '../../src/mutation.ts'
import { tcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/wait.ts'
import { add, placeLayout, put, userLayout } from '../support/view-layouts.ts'
import { postgresHarness, type OpenedView, type PostgresHarness } from './postgres-harness.ts'
import {
  aBarrier,
  aBeginning,
  aCommit,
  aDoubt,
  aParked,
  checkpoint,
  checkpointsOf,
  declared,
  doubtsOf,
  everyParked,
  offset,
  one,
  readerOf,
  serving,
  stateOf,
  step,
  storeForEachTest,
  texts,
} from './store-fixture.ts'

let harness: PostgresHarness
let store: ViewStore
const away = { code: 'store-away', retriable: true }

const closeAfterwards = storeForEachTest(
  () => postgresHarness(),
  (...parts) => {
    ;[harness, store] = parts
  },
)

async function open(view: OpenedView, url = harness.url, callTimeoutMs = 5_000) {
  const client = await openPostgresStore({ url, view, callTimeoutMs })
  closeAfterwards(client)
  return client
}

/** `MILLRACE_TEST_WRITE_SCHEMA=1` writes the dump anew, after a file was added to sql/store. */
test('the schema is what the committed dump says', async () => {
  const args = ['--schema-only', '--no-owner', '--no-privileges', '--schema=millrace']
  const { stdout } = await promisify(execFile)('pg_dump', [...args, harness.url])
  const committed = new URL('../../sql/store/schema.sql', import.meta.url)
  if (process.env.MILLRACE_TEST_WRITE_SCHEMA) writeFileSync(committed, tidy(stdout))
  expect(tidy(stdout)).toBe(readFileSync(committed, 'utf8'))
})

/** What is left of a dump without what differs from one `pg_dump` to the next. */
function tidy(dump: string): string {
  const lines = dump.split('\n').filter((line) => !/^(--|SET |SELECT pg_catalog|\\)/.test(line))
  return `${lines
    .join('\n')
    .replaceAll(/\n{2,}/g, '\n\n')
    .trim()}\n`
}

test('what an earlier release wrote down of a view goes, and its entries stay', async () => {
  await harness.sql.query('drop schema millrace cascade; drop table user_information')
  const earlier = new URL('../../sql/store/0001-books.sql', import.meta.url)
  await harness.sql.query(`create schema millrace;
    create table millrace.migrations (
      number integer primary key, applied_at timestamptz not null default now());
    insert into millrace.migrations values (1);
    ${readFileSync(earlier, 'utf8')};
    insert into millrace.views values ('user-information', 'g', 1, 'serving', '{}', '0/1');
    insert into millrace.checkpoints values ('user-information', 'users', 0, 'live', 1, 9, null,
      null, 0, 0, 0, null);
    create table public.user_information (user_id bigint primary key, present boolean,
      username text, like_count bigint not null default 0);
    insert into public.user_information values (1, true, 'ada', 3)`)
  const client = await open(userLayout)
  expect(await client.watchable.state()).toBeUndefined()
  expect(await client.watchable.occupant()).toBe('1')
  await serving(client)
  expect(await one(client, '1')).toMatchObject({
    fields: { username: 'ada', name: null },
    counts: { likeCount: 3n, tweetCount: 0n },
  })
})

test('a schema of a newer release is refused', async () => {
  await harness.sql.query('insert into millrace.migrations (number) values (9999)')
  try {
    await expect(open(userLayout)).rejects.toMatchObject({ code: 'store-newer', retriable: false })
  } finally {
    await harness.sql.query('delete from millrace.migrations where number = 9999')
  }
})

test('a state of another format is refused', async () => {
  await serving(store)
  await harness.sql.query('update millrace.views set format = format + 1')
  await expect(store.watchable.state()).rejects.toMatchObject({ code: 'store-newer' })
  await expect(readerOf(store).read(['1'])).rejects.toMatchObject({ code: 'store-newer' })
  await harness.sql.query('update millrace.views set format = 1')
  await expect(readerOf(store).status()).rejects.toMatchObject({ code: 'store-layout' })
})

test('many may open an empty database at once', async () => {
  await harness.sql.query('drop schema millrace cascade; drop table user_information')
  const all = await Promise.all(Array.from({ length: 5 }, () => open(userLayout)))
  expect(await all[4]!.watchable.state()).toBeUndefined()
})

test('the table is one that people can query', async () => {
  await serving(store, [{ ...put('42'), add: { likeCount: 3n } }, add('43', { likeCount: 1n })])
  const { rows } = await harness.sql.query(
    'select user_id, username, joined_date, like_count from user_information where present',
  )
  const joined = new Date('2026-11-21T10:18:00.123Z')
  expect(rows).toEqual([{ user_id: '42', username: 'ada', joined_date: joined, like_count: '3' }])
})

test('a view with a key of text and fields of every type', async () => {
  const places = await open(placeLayout)
  const fields = {
    ownerId: '-9223372036854775808',
    openedAt: '1969-12-31T23:59:59.999999Z',
    motto: null,
  }
  const keys = ['', 'Zürich', 'a b', "o'neill", '😀', 'Z', 'a']
  const mutations = keys.map((entry): Mutation => ({ entry, put: fields, add: { visitCount: 1n } }))
  const epoch = (await places.coordination.open(aBeginning()))!
  const writer = places.writer(placeLayout)
  expect(await writer.commit(aCommit(epoch, { mutations }))).toMatchObject({ kind: 'applied' })
  const looked = await texts(places, [...keys, 'a\0', 'b'], placeLayout)
  const counts = { visitCount: 1n }
  const expected = keys.map((key) => encodeEntry(placeLayout, key, { fields, counts }))
  expect(looked).toEqual([...expected, '-;0', '-;0'])
  expect(new Set((await places.audit(placeLayout).scan(undefined)).keys)).toEqual(new Set(keys))
  const gone = {
    from: offset(20),
    to: checkpoint(21),
    mutations: [{ entry: '', put: null, add: {} }],
  }
  await writer.commit(aCommit(epoch, gone))
  expect(await texts(places, [''], placeLayout)).toEqual(['-;1'])
})

test('a text that is no key of the view finds nothing, and nothing is corrected under it', async () => {
  const epoch = await serving(store, [put('1')])
  const odd = ['01', '+1', ' 1', 'x', '', '9223372036854775808', '1\0']
  const result = await readerOf(store).read([...odd, '1'])
  const found = result.kind === 'serving' && result.entries.map((entry) => entry?.key ?? null)
  expect(found).toEqual([...odd.map(() => null), '1'])
  const audit = store.audit(userLayout)
  const looked = await audit.look({ epoch, keys: [...odd, '1'], ticket: 't' })
  const rows = looked.kind === 'entries' && looked.texts.map((text) => text[0])
  expect(rows).toEqual([...odd.map(() => '-'), '+'])
  const corrections = odd.map((entry) => ({ entry, put: null, add: {} }))
  const lost = odd.map((_, index) => index)
  expect(await audit.correct({ epoch, ticket: 't', corrections })).toEqual({
    kind: 'applied',
    lost,
  })
  expect(await audit.sweep(epoch, odd, ['name'])).toBe(true)
})

test('a cursor that is no key of the view is of another store', async () => {
  const scan = store.audit(userLayout).scan('user-information:1')
  await expect(scan).rejects.toMatchObject({ code: 'scan-lost', retriable: true })
})

test('what Postgres text can not hold is replaced in reasons', async () => {
  const epoch = await serving(store)
  const cut = `a\0b${'😀'.slice(0, 1)}`
  const commit = aCommit(epoch, {
    parked: [aParked(11, { reason: cut })],
    doubts: [aDoubt('d', { reason: cut })],
  })
  expect(await store.writer(userLayout).commit(commit)).toMatchObject({ kind: 'applied' })
  const problem = { code: 'c', message: cut, hint: undefined, sinceMs: 1 }
  await store.writer(userLayout).report('users/0', problem)
  const kept = 'a\uFFFDb\uFFFD'
  expect((await doubtsOf(store)).get('d')?.reason).toBe(kept)
  expect((await everyParked(store)).map(({ reason }) => reason)).toEqual([kept])
  expect((await readerOf(store).status()).problems.get('users/0')?.message).toBe(kept)
})

test('a doubt that one commit raises twice stands as raised last', async () => {
  const epoch = await serving(store)
  const doubts = [aDoubt('d', { reason: 'first' }), aDoubt('e'), aDoubt('d', { reason: 'last' })]
  await store.writer(userLayout).commit(aCommit(epoch, { doubts }))
  const found = (await stateOf(store)).doubts
  expect(found.map(({ name, reason }) => [name, reason])).toEqual([
    ['e', aDoubt('e').reason],
    ['d', 'last'],
  ])
})

test('an entry that lies there and says nothing is told from one that is not there', async () => {
  const epoch = await serving(store)
  await harness.sql.query(`insert into user_information (user_id, like_count) values (1, 0)`)
  expect((await texts(store, ['1', '2'])).map((text) => text[0])).toEqual(['!', '-'])
  const audit = store.audit(userLayout)
  await audit.look({ epoch, keys: ['1'], ticket: 't' })
  const corrections = [{ entry: '1', put: null, add: {} }]
  await audit.correct({ epoch, ticket: 't', corrections })
  expect((await harness.sql.query('select from user_information')).rowCount).toBe(0)
})

test('a view without counters has texts of the same form', async () => {
  const fields = { name: null }
  const layout = { ...userLayout, fields: [{ name: 'name', type: 'text' as const }], counts: [] }
  const epoch = (await store.coordination.open(aBeginning()))!
  const mutations = [{ entry: '1', put: fields, add: {} }]
  await store.writer(layout).commit(aCommit(epoch, { mutations }))
  await harness.sql.query('insert into user_information (user_id) values (2)')
  const there = encodeEntry(layout, '1', { fields, counts: {} })
  expect(await texts(store, ['1', '2', '3'], layout)).toEqual([there, '!;', absentText(layout)])
})

test('entries and tickets are found by their keys however large the tables have grown', async () => {
  const view = { ...userLayout, name: 'grown' }
  const client = await openPostgresStore({ url: harness.url, view, callTimeoutMs: 5_000 })
  const epoch = await serving(client, [put('1')])
  const audit = client.audit(userLayout)
  const keys = Array.from({ length: 50 }, (_, index) => String(index + 1))
  const corrections = keys.map((key) => add(key, { likeCount: 1n }))
  const use = async () => {
    // After some runs a statement has one plan for whatever is asked.
    for (let times = 0; times < 7; times++) {
      await audit.look({ epoch, keys, ticket: 't' })
      await audit.correct({ epoch, ticket: 't', corrections })
      await readerOf(client).read(['1'])
    }
  }
  await use()
  await harness.sql.query(`alter table grown set (autovacuum_enabled = false);
    insert into grown (user_id, present) select id, true from generate_series(51, 20000) as id;
    alter table millrace.tickets set (autovacuum_enabled = false);
    insert into millrace.tickets (view, entry, ticket, left_at)
    select 'grown', id, 'u', now() - interval '1 hour' from generate_series(51, 20000) as id;
    analyze millrace.tickets;
    truncate millrace.tickets;
    insert into millrace.tickets (view, entry, ticket)
    select 'grown', id, 'u' from generate_series(51, 20000) as id`)
  await use()
  await client.close()
  await until('the statistics', async () => (await rowsRead('grown')).byIndex >= 1_000)
  expect((await rowsRead('grown')).inAll).toBeLessThan(10_000)
  expect((await rowsRead('tickets')).inAll).toBeLessThan(10_000)
})

/** Postgres tells of what a connection has read when the connection has ended. */
async function rowsRead(table: string) {
  await harness.sql.query('select pg_stat_clear_snapshot()')
  const { rows } = await harness.sql.query<{ scanned: string; found: string }>(
    `select seq_tup_read as scanned, idx_tup_fetch as found
     from pg_stat_user_tables where relname = $1`,
    [table],
  )
  const [scanned, found] = [Number(rows[0]!.scanned), Number(rows[0]!.found)]
  return { byIndex: found, inAll: scanned + found }
}

test('a reply that was lost does not count twice', async () => {
  await using proxy = await tcpProxy(harness.url)
  const epoch = await serving(store, [put('1')])
  const client = await open(userLayout, proxy.through(harness.url))
  for (let at = 10; at < 16; at++) {
    const mutations = [add('1', { likeCount: 1n })]
    const commit = aCommit(epoch, { from: offset(at), to: checkpoint(at + 1), mutations })
    // The pieces of a commit, one by one: in some run each reply is the one that is lost.
    proxy.delay('down', 1)
    const trying = client
      .writer(userLayout)
      .commit(commit)
      .catch((error: unknown) => error)
    await new Promise((resolve) => setTimeout(resolve, (at - 10) * 4))
    proxy.cut()
    proxy.heal()
    const result = await trying
    if (result instanceof Error) expect(result).toMatchObject(away)
    const again = await store.writer(userLayout).commit(commit)
    expect(['applied', 'conflict']).toContain(again.kind)
    expect((await one(store, '1'))?.counts.likeCount).toBe(BigInt(at - 9))
  }
})

test('a commit whose connection is cut under it is away, and nothing of it is left', async () => {
  await using proxy = await tcpProxy(harness.url)
  const epoch = await serving(store, [put('1')])
  const client = await open(userLayout, proxy.through(harness.url))
  const other = await harness.sql.connect()
  try {
    await other.query('begin; select from user_information where user_id = 1 for update')
    const mutations = [add('1', { likeCount: 1n })]
    const commit = client.writer(userLayout).commit(aCommit(epoch, { mutations }))
    const rejected = expect(commit).rejects.toMatchObject(away)
    await until('the commit waits', async () => {
      const text = `select from pg_stat_activity where wait_event_type = 'Lock'`
      return (await harness.sql.query(text)).rowCount === 1
    })
    proxy.cut()
    await rejected
  } finally {
    await other.query('rollback').finally(() => other.release())
  }
  expect((await readerOf(client).read(['1'])).kind).toBe('serving')
  expect((await checkpointsOf(store)).get('users/0')?.next).toBe(offset(10))
})

test('a commit that meets silence does not wait for its rollback too', async () => {
  await using proxy = await tcpProxy(harness.url)
  const epoch = await serving(store, [put('1')])
  const timeoutMs = 1_500
  const client = await open(userLayout, proxy.through(harness.url), timeoutMs)
  const commit = (at: number) => {
    const [from, to] = [offset(at), checkpoint(at + 1)]
    return client.writer(userLayout).commit(aCommit(epoch, { from, to }))
  }
  await commit(10)
  proxy.drop('down')
  const began = performance.now()
  await expect(commit(11)).rejects.toMatchObject(away)
  expect(performance.now() - began).toBeLessThan(1.8 * timeoutMs)
})

test('silence ends in time, and the connections are given up', async () => {
  await using proxy = await tcpProxy(harness.url)
  const epoch = await serving(store, [put('1')])
  const client = await open(userLayout, proxy.through(harness.url), 300)
  await readerOf(client).read(['1'])
  proxy.drop('down')
  const began = performance.now()
  const commit = aCommit(epoch, { mutations: [add('1', { likeCount: 1n })] })
  await expect(readerOf(client).read(['1'])).rejects.toMatchObject(away)
  await expect(client.writer(userLayout).commit(commit)).rejects.toMatchObject(away)
  expect(performance.now() - began).toBeLessThan(3_000)
  proxy.heal()
  expect((await readerOf(client).read(['1'])).kind).toBe('serving')
  proxy.refuse()
  await expect(readerOf(client).read(['1'])).rejects.toMatchObject(away)
  await expect(open(userLayout, proxy.through(harness.url), 300)).rejects.toMatchObject(away)
})

test('a restarted Postgres comes back with checkpoint and entries together, and without tickets', async () => {
  const epoch = await serving(store, [put('1')])
  await step(store, 10, [add('1', { likeCount: 1n })])
  const audit = store.audit(userLayout)
  await audit.look({ epoch, keys: ['1'], ticket: 't' })
  await harness.server.kill()
  await expect(readerOf(store).read(['1'])).rejects.toMatchObject({ retriable: true })
  await harness.server.start()
  expect((await one(store, '1'))?.counts.likeCount).toBe(1n)
  expect((await checkpointsOf(store)).get('users/0')?.next).toBe(offset(11))
  const corrections = [{ entry: '1', put: undefined, add: { likeCount: 1n } }]
  const lost = { kind: 'applied', lost: [0] }
  expect(await audit.correct({ epoch, ticket: 't', corrections })).toEqual(lost)
  expect((await one(store, '1'))?.counts.likeCount).toBe(1n)
}, 30_000)

test('a look sees state, checkpoint and text of what was read as JSON exactly', async () => {
  const max = 9_223_372_036_854_775_807n
  const epoch = (await store.coordination.open(aBeginning({ barrier: aBarrier('0/8', 10) })))!
  const last = { offset: offset(max - 1n), hash: 'h"é' }
  const to = checkpoint(max, { last, keySchema: 7 })
  const mutations = [{ ...put('1', { name: '"\\\n\u0001😀' }), add: { likeCount: max } }]
  await store.writer(userLayout).commit(aCommit(epoch, { to, mutations }))
  const looked = await store.audit(userLayout).look({ epoch, keys: ['1'], ticket: undefined })
  if (looked.kind === 'conflict') throw new Error('the epoch turned')
  expect(looked.checkpoints.get('users/0')).toEqual(to)
  expect(decodeEntry(userLayout, looked.texts[0]!)).toMatchObject({
    fields: { name: '"\\\n\u0001😀' },
    counts: { likeCount: max },
  })
  expect((await stateOf(store)).declarations).toEqual([declared])
})
