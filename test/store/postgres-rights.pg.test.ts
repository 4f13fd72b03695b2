import { Pool } from 'pg'
import { inspect } from 'node:util'
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts'
import type { ViewStore } from '../../src/store/store.ts'
import { put, userLayout } from '../support/view-layouts.ts'
import { postgresHarness, type PostgresHarness } from './postgres-harness.ts'
import {
  aCommit,
  aDoubt,
  everyParked,
  one,
  readerOf,
  serving,
  stateOf,
  storeForEachTest,
  texts,
} from './store-fixture.ts'

let harness: PostgresHarness
let store: ViewStore

const closeAfterwards = storeForEachTest(
  () => postgresHarness(),
  (...parts) => {
    ;[harness, store] = parts
  },
)

/** Everything that is special in a URL. */
const password = 'p@ss:w/o?r#d%41&=+ ü'
const readOnly = true

async function open(url: string, options: { readonly readOnly?: boolean } = {}) {
  const client = await openPostgresStore({
    url,
    view: userLayout,
    callTimeoutMs: 5_000,
    ...options,
  })
  closeAfterwards(client)
  return client
}

/** Makes a role that may read what an API reads, and nothing else; answers its URL. */
async function readerRole(): Promise<string> {
  const admin = new Pool({ connectionString: inDatabaseOf(harness.url, harness.server.url) })
  try {
    await admin
      .query(
        `
      drop owned by reader_of_test; drop role reader_of_test`,
      )
      .catch(() => undefined)
    await admin.query(`
      create role reader_of_test login password '${password}';
      grant usage on schema millrace to reader_of_test;
      grant select on millrace.migrations, millrace.views, millrace.doubts, millrace.parked,
        millrace.problems, user_information to reader_of_test`)
  } finally {
    await admin.end()
  }
  const url = new URL(harness.url)
  url.username = 'reader_of_test'
  return url.href.replace(/:[^:@/]*@/, `:${encodeURIComponent(password)}@`)
}

function inDatabaseOf(url: string, server: string): string {
  const changed = new URL(server)
  changed.pathname = new URL(url).pathname
  return changed.href
}

test('a role that does not own the view can not keep it, which is named', async () => {
  await serving(store, [put('1')])
  expect(await store.faults()).toEqual([])
  const reader = await open(await readerRole(), { readOnly })
  expect(await reader.faults()).toEqual([
    {
      what: expect.stringMatching(/role reader_of_test does not own .*"user_information"/),
      cure: expect.stringMatching(/^alter table .*"user_information" owner to reader_of_test;$/),
    },
  ])
})

test('a reader needs SELECT on six tables, and can change nothing', async () => {
  const epoch = await serving(store, [put('1', { name: 'Ada' })])
  await store.writer(userLayout).raise(epoch, aDoubt('d'))
  const reader = await open(await readerRole(), { readOnly })
  expect((await one(reader, '1'))?.fields.name).toBe('Ada')
  expect(await readerOf(reader).status()).toMatchObject({ parked: 0, evicted: 0 })
  expect((await stateOf(reader)).doubts).toMatchObject([{ name: 'd' }])
  expect(await everyParked(reader)).toEqual([])
  const refused = { code: 'store-refused', retriable: false }
  await expect(readerOf(reader).clearParked()).rejects.toMatchObject(refused)
  await expect(reader.writer(userLayout).commit(aCommit(epoch))).rejects.toMatchObject(refused)
})

test('who has no rights is told so', async () => {
  await serving(store)
  const url = await readerRole()
  await harness.sql.query('revoke select on user_information from reader_of_test')
  const refused = { code: 'store-refused', hint: expect.stringContaining('SELECT') }
  await expect(one(await open(url, { readOnly }), '1')).rejects.toMatchObject(refused)
  await harness.sql.query('revoke usage on schema millrace from reader_of_test')
  await expect(open(url, { readOnly })).rejects.toMatchObject(refused)
})

test('a reader makes nothing where nothing is', async () => {
  await harness.sql.query('drop schema millrace cascade; drop table user_information')
  const missing = { code: 'store-layout', hint: expect.stringContaining('worker') }
  await expect(open(harness.url, { readOnly })).rejects.toMatchObject(missing)
  const { rows } = await harness.sql.query(`select to_regnamespace('millrace') as found`)
  expect(rows).toEqual([{ found: null }])
})

test('a reader waits for the table of a view that nobody has begun', async () => {
  await harness.sql.query('drop table user_information')
  const reader = await open(harness.url, { readOnly })
  expect(await readerOf(reader).read(['1'])).toEqual({ kind: 'unavailable', phase: 'absent' })
  expect(await reader.watchable.occupant()).toBeUndefined()
  const { rows } = await harness.sql.query(`select to_regclass('user_information') as found`)
  expect(rows).toEqual([{ found: null }])
})

test('a reader refuses a schema of another release', async () => {
  const { rows } = await harness.sql.query<{ newest: number }>(
    'select max(number) as newest from millrace.migrations',
  )
  const { newest } = rows[0]!
  const renumber = (from: number, to: number) =>
    harness.sql.query('update millrace.migrations set number = $2 where number = $1', [from, to])
  for (const [other, code] of [
    [newest + 1, 'store-newer'],
    [0, 'store-layout'],
  ] as const) {
    await renumber(newest, other)
    const opening = open(harness.url, { readOnly })
    await expect(opening).rejects.toMatchObject({ code, retriable: false })
    await renumber(other, newest)
  }
})

test('a reader that compares adds no column', async () => {
  await serving(store, [put('1')])
  const reader = await open(harness.url, { readOnly })
  expect((await texts(reader, ['1']))[0]).toMatch(/^\+1:1/)
  const wider = { ...userLayout, counts: [...userLayout.counts, 'neverCount'] }
  await expect(texts(reader, ['1'], wider)).rejects.toMatchObject({ code: 'store-layout' })
})

test('a wrong password is named as that, and never said', async () => {
  const url = (await readerRole()).replace(/:[^:@/]*@/, ':wr0ng-secret@')
  const failed = await open(url).catch((error: unknown) => error)
  expect(failed).toMatchObject({ code: 'store-refused', retriable: false })
  expect(inspect(failed, { depth: 20, showHidden: true })).not.toContain('wr0ng-secret')
})

test.each([
  ['@ and /', 'postgres://millrace:s3cr@et/s3cret@127.0.0.1:5432/views'],
  ['# after a digit', 'postgres://millrace:1#s3cret@127.0.0.1:5432/views'],
  ['/ after a digit', 'postgres://millrace:1/s3cret@127.0.0.1:5432/views'],
  ['# in the middle', 'postgres://millrace:s3cret#s3cret@127.0.0.1:5432/views'],
  ['a broken port', 'postgres://millrace:s3cret@127.0.0.1:port/views'],
])('a URL with %s that is not encoded is refused, and not said', async (_, url) => {
  const failed = await open(url).catch((error: unknown) => error)
  expect(failed).toMatchObject({ code: 'config', retriable: false })
  expect(inspect(failed, { depth: 20, showHidden: true })).not.toMatch(/s3cr/)
})

test('a database that is not there is named', async () => {
  const url = new URL(harness.url)
  url.pathname = '/nowhere'
  const message = expect.stringContaining('nowhere')
  await expect(open(url.href)).rejects.toMatchObject({ code: 'store-refused', message })
})
