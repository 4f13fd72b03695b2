import { Client } from 'pg'
import { postgresServer, type TestServer } from '../support/chain.ts'
import { tcpProxy } from '../support/tcp-proxy.ts'
import type { ComponentChange } from './components.ts'
import { rewritePrefix } from './replayed-tables.ts'
import { sourceUrl } from './scene.ts'
import { SourceHistory } from './source-history.ts'

let server: TestServer
let client: Client
let history: SourceHistory
let changes: { readonly lsn: bigint; readonly change: ComponentChange }[]

beforeAll(async () => {
  server = await postgresServer()
  client = new Client({ connectionString: sourceUrl(server.chain) })
  await client.connect()
  await client.query(`insert into users (user_id, username) values (1, 'ada'), (2, 'eva')`)
  const add = (lsn: bigint, change: ComponentChange) => void changes.push({ lsn, change })
  changes = []
  history = await SourceHistory.open({ url: sourceUrl(server.chain), add })
}, 60_000)

afterAll(async () => {
  await history?.close()
  await client?.end()
  await server?.stop()
})

/** What a commit adds to the history. */
async function added(statement: string): Promise<readonly ComponentChange[]> {
  changes = []
  await client.query(statement)
  await history.catchUp()
  return changes.map(({ change }) => change)
}

test('rows that were there before it began belong to it', async () => {
  expect(history.tables.rows('users').size).toBe(2)
  expect(await history.differences()).toEqual([])
})

test('a commit has one LSN, below what is answered and above every earlier one', async () => {
  changes = []
  await client.query(`insert into tweets (tweet_id, user_id) values (10, 1), (11, 2)`)
  await client.query(`insert into likes (user_id, tweet_id) values (1, 10)`)
  const ceiling = await history.catchUp()
  const [first, second, third] = changes.map(({ lsn }) => lsn)
  expect(first).toBe(second)
  expect(third).toBeGreaterThan(second!)
  expect(ceiling).toBeGreaterThan(third!)
})

test('what was rolled back is no part of it', async () => {
  expect(await added(`begin; insert into users values (3, 'nobody'); rollback`)).toEqual([])
})

test('cascades are told row by row', async () => {
  await added(`insert into follows (follower_id, followee_id) values (1, 2)`)
  const gone = await added('delete from users where user_id = 2')
  expect(gone.map((change) => (change.kind === 'row' ? 'row' : change.count)).toSorted()).toEqual([
    'followerCount',
    'followingCount',
    'row',
    'tweetCount',
  ])
  expect(await history.differences()).toEqual([])
})

test('a long text that an update leaves out of the log is known all the same', async () => {
  await client.query(`alter table users replica identity default`)
  const text = `(select string_agg(md5(n::text), '') from generate_series(1, 400) n)`
  await added(`insert into users (user_id, username) values (5, 'long')`)
  await added(`update users set description = ${text} where user_id = 5`)
  await added(`update users set name = 'Ada', user_id = 7 where user_id = 5`)
  expect(history.tables.rows('users').get('7')?.['description']).toHaveLength(12_800)
  expect(await history.differences()).toEqual([])
  await client.query(`alter table users replica identity full`)
})

test('TRUNCATE, added columns and a rewritten column leave it equal to SQL', async () => {
  await added(`insert into likes (user_id, tweet_id) values (7, 10) on conflict do nothing`)
  await added('truncate likes')
  await added(`alter table users add column passing text default 'a'`)
  await added(`update users set location = 'Ulm'`)
  await added(`
    begin;
    alter table users alter column location type text using reverse(location);
    select pg_logical_emit_message(true, '${rewritePrefix}', jsonb_build_object(
      'column', 'location',
      'values', (select jsonb_object_agg(user_id::text, location) from users))::text);
    commit`)
  expect(history.tables.rows('users').get('7')?.['location']).toBe('mlU')
  expect(await history.differences()).toEqual([])
})

test('a connection that is lost is made again, and nothing is missed or taken twice', async () => {
  const proxy = await tcpProxy(sourceUrl(server.chain))
  const url = proxy.through(sourceUrl(server.chain))
  await client.query(`select pg_drop_replication_slot('history')`)
  await client.query('drop publication history')
  changes = []
  const add = (lsn: bigint, change: ComponentChange) => void changes.push({ lsn, change })
  const cut = await SourceHistory.open({ url, add })
  const before = changes.length
  try {
    await client.query(`insert into users (user_id, username) values (20, 'a')`)
    const lost = cut.catchUp()
    proxy.cut()
    await lost.catch(() => undefined)
    await client.query(`insert into users (user_id, username) values (21, 'b')`)
    await cut.catchUp()
    expect(changes.slice(before).map(({ change }) => change.user)).toEqual(['20', '21'])
    expect(await cut.differences()).toEqual([])
  } finally {
    await cut.close()
    await proxy.stop()
  }
})
