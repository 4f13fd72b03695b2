import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { makeOwnSource } from '../../src/dev/own-source.ts'
import { inDatabase } from '../../src/dev/urls.ts'
import { postgresServer, type TestServer } from '../support/chain.ts'

let server: TestServer
let folder: string
let said: string[]

beforeAll(async () => {
  server = await postgresServer()
}, 120_000)

afterAll(() => server?.stop())

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-init-'))
  said = []
})

afterEach(() => rmSync(folder, { recursive: true }))

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

const ownerOf = (database: string) =>
  inDatabase(server.url, database, ['shop\'s "owner"', 'p@ss:w/o?r#d%41'])

function make(owner: string, init: readonly string[]): Promise<'made' | 'kept'> {
  return makeOwnSource({ admin: server.url, owner, init }, (line) => void said.push(line))
}

async function ask(url: string, sql: string): Promise<unknown> {
  const client = new Client(url)
  await client.connect()
  try {
    return (await client.query<unknown[]>({ text: sql, rowMode: 'array' })).rows
  } finally {
    await client.end()
  }
}

test('files are run once, in their order, each in a session of its own, by the owner', async () => {
  const owner = ownerOf('the shop')
  const init = [
    file(
      'a.sql',
      `set search_path to pg_catalog; create table public.goods (id int);
      insert into public.goods values (1)`,
    ),
    file('b.sql', 'insert into goods select id + 1 from goods'),
  ]
  expect(await make(owner, init)).toBe('made')
  expect(said).toEqual(init.map((path) => `${path} was run in the empty database`))
  expect(await make(owner, init)).toBe('kept')
  expect(await ask(owner, 'select id from goods order by id')).toEqual([[1], [2]])
  const owners = `select pg_get_userbyid(datdba), (select tableowner from pg_tables
    where tablename = 'goods') from pg_database where datname = current_database()`
  expect(await ask(owner, owners)).toEqual([['shop\'s "owner"', 'shop\'s "owner"']])
})

test('a file that fails is named with its line, and the database is begun anew after that', async () => {
  const owner = ownerOf('broken')
  const first = file('first.sql', 'create table one (id int)')
  const init = [first, file('second.sql', 'create table two (id int);\n\nselect * from nowhere;\n')]
  await expect(make(owner, init)).rejects.toMatchObject({
    code: 'init',
    message: `${init[1]}:3 can't be run: relation "nowhere" does not exist`,
    hint: expect.stringContaining('pg_dump --no-owner') as string,
  })
  await expect(ask(owner, 'select 1')).rejects.toThrow('does not exist')
  file('second.sql', 'create table two (id int)')
  expect(await make(owner, init)).toBe('made')
  expect(await ask(owner, 'select * from one, two')).toEqual([])
})

test('what pg_dump writes for psql alone is left out', async () => {
  const owner = ownerOf('dumped')
  const dump =
    '\\restrict aB3x\nSET client_encoding = "UTF8";\ncreate table t (id int);\n\\unrestrict aB3x\n'
  expect(await make(owner, [file('dump.sql', dump)])).toBe('made')
  expect(await ask(owner, 'select * from t')).toEqual([])
})

test('a database without any table is begun anew, one with a table is not', async () => {
  const owner = ownerOf('empty')
  expect(await make(owner, [])).toBe('made')
  expect(await make(owner, [])).toBe('kept')
  const init = [file('late.sql', 'create table t (id int)')]
  expect(await make(owner, init)).toBe('made')
  await ask(owner, 'insert into t values (1)')
  expect(await make(owner, init)).toBe('kept')
  expect(await ask(owner, 'select id from t')).toEqual([[1]])
})
