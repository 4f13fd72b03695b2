import { Client } from 'pg'
import { inDatabase } from '../../src/dev/urls.ts'
import { setUpViewsDatabase } from '../../src/dev/views-database.ts'
import { postgresServer, type TestServer } from '../support/chain.ts'

let server: TestServer
let env: Readonly<Record<string, string>>

beforeAll(async () => {
  server = await postgresServer()
  env = server.chain.env
}, 120_000)

afterAll(() => server?.stop())

/** Rows of the last statement; an error as its SQLSTATE. */
async function run(url: string, ...statements: readonly string[]): Promise<unknown> {
  const client = new Client(url)
  try {
    await client.connect()
    let rows: unknown[] = []
    for (const statement of statements) ({ rows } = await client.query(statement))
    return rows
  } catch (error) {
    return (error as { code?: string }).code
  } finally {
    await client.end()
  }
}

const denied = '42501'
const wrongPassword = '28P01'
const sourceAdmin = () => inDatabase(env.MILLRACE_SOURCE_ADMIN ?? '', 'millrace')
const capture = (database: string) => {
  const url = inDatabase(env.MILLRACE_SOURCE_ADMIN ?? '', database)
  return run(
    url,
    'set role millrace_capture',
    `select has_table_privilege('public.tweets', 'select') as may`,
  )
}

describe('Millrace in the source', () => {
  const source = () => env.MILLRACE_SOURCE ?? ''

  test('may lock and read the tables, and write markers', async () => {
    const locked = await run(
      source(),
      'begin isolation level repeatable read, read only',
      'lock table users, tweets, follows, likes in access share mode',
      'select count(*)::int as count from tweets',
    )
    expect(locked).toEqual([{ count: 0 }])
    const marker = `select pg_logical_emit_message(true, 'millrace', 'x') is not null as done`
    expect(await run(source(), marker)).toEqual([{ done: true }])
  })

  test('sees which transactions of others are idle', async () => {
    const other = new Client(sourceAdmin())
    await other.connect()
    try {
      await other.query('begin')
      await other.query('select pg_current_xact_id()')
      const found = await run(
        source(),
        `select state from pg_stat_activity where backend_xid is not null`,
      )
      expect(found).toEqual([{ state: 'idle in transaction' }])
    } finally {
      await other.end()
    }
  })

  test('may change nothing, read no other table, and make none', async () => {
    await run(sourceAdmin(), 'create table if not exists salaries (amount bigint)')
    for (const statement of [
      'insert into users (user_id, username) values (1, $$x$$)',
      'select * from salaries',
      'create table mine (id bigint)',
      'begin; lock table users in share mode',
    ]) {
      expect([statement, await run(source(), statement)]).toEqual([statement, denied])
    }
  })

  test('has no rights in the database of the views', async () => {
    const views = inDatabase(source(), 'millrace_views')
    expect(await run(views, 'create table mine (id bigint)')).toBe(denied)
    const owner = `select pg_get_userbyid(datdba) as owner from pg_database where datname = 'millrace_views'`
    expect(await run(source(), owner)).toEqual([{ owner: 'millrace_views' }])
  })

  test('needs the whole table for its lock: the right to columns is not enough', async () => {
    await run(
      sourceAdmin(),
      'create table if not exists narrow (id bigint, secret text)',
      'grant select (id) on narrow to millrace',
    )
    expect(await run(source(), 'select id from narrow')).toEqual([])
    expect(await run(source(), 'begin', 'lock table narrow in access share mode')).toBe(denied)
  })
})

test('Debezium reads the log and no table', async () => {
  expect(await capture('millrace')).toEqual([{ may: false }])
})

describe('in the database of the views', () => {
  const worker = () => env.MILLRACE_POSTGRES ?? ''
  const reader = () => env.MILLRACE_POSTGRES_READER ?? ''

  test('an API reads what workers make, and changes nothing', async () => {
    await run(
      worker(),
      'create schema books',
      'create table books.states (id bigint)',
      'create table entries (id bigint)',
    )
    expect(await run(reader(), 'select * from entries')).toEqual([])
    expect(await run(reader(), 'select * from books.states')).toEqual([])
    expect(await run(reader(), 'delete from entries')).toBe(denied)
    expect(await run(reader(), 'create table mine (id bigint)')).toBe(denied)
  })

  test('roles, database and passwords are those of the URLs, also when it is done again', async () => {
    const admin = env.MILLRACE_SOURCE_ADMIN ?? ''
    const as = (name: string, password: string) =>
      inDatabase(admin, 'cards "of" all', [name, password])
    for (const password of ["first '%", 'second $1 \\']) {
      const given = { worker: as('the "keeper"', password), reader: as('a reader', password) }
      await setUpViewsDatabase({ admin, ...given })
      expect(await run(given.worker, 'create table if not exists kept (id bigint)')).toEqual([])
      expect(await run(given.reader, 'select * from kept')).toEqual([])
      expect(await run(given.reader, 'insert into kept values (1)')).toBe(denied)
    }
    expect(await run(as('a reader', "first '%"), 'select 1')).toBe(wrongPassword)
  })
})
