import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { promisify } from 'node:util'
import type { Mutation, ViewLayout } from '../../src/mutation.ts'
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts'
import type { ViewStore } from '../../src/store/store.ts'
import { tcpProxy } from '../support/tcp-proxy.ts'
import { add, placeLayout, put, userLayout } from '../support/view-layouts.ts'
import { postgresHarness, type PostgresHarness } from './postgres-harness.ts'
import {
  aCommit,
  aParked,
  checkpoint,
  dropAll,
  everyEntry,
  manyPuts,
  offset,
  one,
  serving,
  storeForEachTest,
  users0,
} from './store-fixture.ts'

let harness: PostgresHarness
let store: ViewStore
const away = { code: 'store-away', retriable: true }

const closeAfterwards = storeForEachTest(postgresHarness, (...parts) => {
  ;[harness, store] = parts
})

async function open(layout: ViewLayout, url = harness.url, callTimeoutMs = 5_000) {
  const client = await openPostgresStore({ url, layout, callTimeoutMs })
  closeAfterwards(client)
  return client
}

/** `MILLRACE_WRITE_SCHEMA=1` writes the dump anew, after a file was added to sql/store. */
test('the schema is what the committed dump says', async () => {
  const args = ['--schema-only', '--no-owner', '--no-privileges', '--schema=millrace']
  const { stdout } = await promisify(execFile)('pg_dump', [...args, harness.url])
  const committed = new URL('../../sql/store/schema.sql', import.meta.url)
  if (process.env.MILLRACE_WRITE_SCHEMA) writeFileSync(committed, tidy(stdout))
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

test('a schema of a newer release is refused', async () => {
  await harness.sql.query('insert into millrace.migrations (number) values (9999)')
  try {
    await expect(open(userLayout)).rejects.toMatchObject({ code: 'store-newer', retriable: false })
  } finally {
    await harness.sql.query('delete from millrace.migrations where number = 9999')
  }
})

test('many may open an empty database at once', async () => {
  await harness.sql.query('drop schema millrace cascade; drop table public.user_information')
  const all = await Promise.all(Array.from({ length: 5 }, () => open(userLayout)))
  expect(await all[4]!.writer.generation()).toBeUndefined()
})

test('a table that was made for another declaration is refused', async () => {
  await harness.sql.query('alter table user_information rename like_count to likes')
  try {
    const refused = { code: 'store-layout', message: expect.stringContaining('like_count') }
    await expect(open(userLayout)).rejects.toMatchObject(refused)
    const id = await store.coordination.open({ users: 1 })
    expect(id).toBeDefined()
    const reading = store.writer.pour({
      generation: id!.id,
      partition: users0,
      poured: 0,
      to: checkpoint(10),
      mutations: [put('1')],
      parked: [],
    })
    await expect(reading).rejects.toMatchObject({ code: 'store-type', retriable: false })
    expect(await store.writer.checkpoints(id!.id)).toEqual(new Map())
  } finally {
    await harness.sql.query('alter table user_information rename likes to like_count')
  }
})

test('the table is one that people can query', async () => {
  await serving(store, [{ ...put('42'), add: { likeCount: 3n } }, add('43', { likeCount: 1n })])
  const { rows } = await harness.sql.query(
    'select user_id, username, joined_date, like_count from user_information where present',
  )
  const joined = new Date('2026-11-21T10:18:00.123Z')
  const row = { user_id: '42', username: 'ada', joined_date: joined, like_count: '3' }
  expect(rows).toEqual([row])
})

test('a view with a key of text and fields of every type', async () => {
  await harness.sql.query('drop table if exists place_information')
  const places = await open(placeLayout)
  const mutation = (entry: string): Mutation => ({
    entry,
    put: { ownerId: '-9223372036854775808', openedAt: '1969-12-31T23:59:59.999999Z', motto: null },
    add: { visitCount: 1n },
  })
  const keys = ['', 'Zürich', 'a b', "o'neill", '😀', 'Z', 'a']
  const id = await serving(places, keys.map(mutation))
  for (const key of keys) {
    const { put: fields } = mutation(key)
    expect(await one(places, key)).toEqual({ key, fields, counts: { visitCount: 1n } })
  }
  expect(await one(places, 'a\0')).toBeNull()
  expect([...(await everyEntry(places)).keys()]).toHaveLength(keys.length)
  await places.writer.commit(aCommit(id, { mutations: [{ ...mutation('a'), put: null, add: {} }] }))
  expect(await one(places, 'a')).toBeNull()
  await dropAll(places)
  expect((await everyEntry(places)).size).toBe(0)
})

test('a text that is no key of the view finds nothing', async () => {
  await serving(store, [put('1')])
  const result = await store.reader.read(['01', '+1', ' 1', 'x', '', '9223372036854775808', '1'])
  const found = result.kind === 'serving' && result.entries.map((entry) => entry?.key ?? null)
  expect(found).toEqual([null, null, null, null, null, null, '1'])
})

test('what Postgres text can not hold is replaced in reasons', async () => {
  const id = await serving(store)
  const mark = { code: 'x', reason: 'a\0b', atMs: 1 }
  const parked = [aParked(11, { reason: 'a\0b' })]
  expect((await store.writer.commit(aCommit(id, { mark, parked }))).kind).toBe('applied')
  expect((await store.writer.generation())?.mark?.reason).toBe('a\uFFFDb')
})

test('a reply that was lost does not count twice', async () => {
  await using proxy = await tcpProxy(harness.url)
  const id = await serving(store, [put('1')])
  const client = await open(userLayout, proxy.through(harness.url))
  for (let at = 10; at < 16; at++) {
    const mutations = [add('1', { likeCount: 1n })]
    const commit = aCommit(id, { from: offset(at), to: checkpoint(at + 1), mutations })
    // The pieces of a commit, one by one: in some run each reply is the one that is lost.
    proxy.delay('down', 1)
    const trying = client.writer.commit(commit).catch((error: unknown) => error)
    await new Promise((resolve) => setTimeout(resolve, (at - 10) * 4))
    proxy.cut()
    proxy.heal()
    const result = await trying
    if (result instanceof Error) expect(result).toMatchObject(away)
    const again = await store.writer.commit(commit)
    expect(['applied', 'conflict']).toContain(again.kind)
    expect((await one(store, '1'))?.counts.likeCount).toBe(BigInt(at - 9))
  }
})

test('silence ends in time, and the connections are given up', async () => {
  await using proxy = await tcpProxy(harness.url)
  const id = await serving(store, [put('1')])
  const client = await open(userLayout, proxy.through(harness.url), 300)
  await client.reader.read(['1'])
  proxy.drop('down')
  const began = performance.now()
  const commit = aCommit(id, { mutations: [add('1', { likeCount: 1n })] })
  await expect(client.reader.read(['1'])).rejects.toMatchObject(away)
  await expect(client.writer.commit(commit)).rejects.toMatchObject(away)
  expect(performance.now() - began).toBeLessThan(3_000)
  proxy.heal()
  expect((await client.reader.read(['1'])).kind).toBe('serving')
  proxy.refuse()
  await expect(client.reader.read(['1'])).rejects.toMatchObject(away)
  await expect(open(userLayout, proxy.through(harness.url), 300)).rejects.toMatchObject(away)
})

test('a drop is not starved by a stream of commits', async () => {
  const id = await serving(store, manyPuts(0, 200))
  const stop = new AbortController()
  const writing = [0, 1, 2].map(async (partition) => {
    const client = await open(userLayout)
    const to = checkpoint(20)
    const place = { topic: partition === 2 ? 'likes' : 'users', partition: partition % 2 }
    while (!stop.signal.aborted) {
      const found = (await client.writer.checkpoints(id)).get(`${place.topic}/${place.partition}`)
      if (!found) return
      const mutations = manyPuts(partition * 50, 50)
      await client.writer.commit(
        aCommit(id, {
          partition: place,
          from: found.next,
          to: { ...to, next: offset(found.next + 1n) },
          mutations,
        }),
      )
    }
  })
  const began = performance.now()
  await dropAll(await open(userLayout))
  expect(performance.now() - began).toBeLessThan(4_000)
  stop.abort()
  await Promise.all(writing)
  expect((await everyEntry(store)).size).toBe(0)
})

test('wrong places and passwords are named, and are not worth another try', async () => {
  const url = new URL(harness.url)
  url.password = 'wrong'
  const refused = { code: 'store-refused', retriable: false }
  await expect(open(userLayout, url.href)).rejects.toMatchObject(refused)
  url.password = new URL(harness.url).password
  url.pathname = '/nowhere'
  await expect(open(userLayout, url.href)).rejects.toMatchObject({ retriable: false })
})

test('a restarted Postgres comes back with checkpoint and entries together', async () => {
  const id = await serving(store, [put('1')])
  await store.writer.commit(aCommit(id, { mutations: [add('1', { likeCount: 1n })] }))
  await harness.server.kill()
  await expect(store.reader.read(['1'])).rejects.toMatchObject({ retriable: true })
  await harness.server.start()
  const found = (await store.writer.checkpoints(id)).get('users/0')
  expect([(await one(store, '1'))?.counts.likeCount, found?.next]).toEqual([1n, offset(20)])
}, 30_000)
