import { Client } from 'pg'
import { runWorks, type Failure } from '../../src/plan/prepare.ts'
import { sourceDraft } from '../../src/plan/source-plan.ts'
import { withTools } from '../../src/plan/tools.ts'
import type { PlanParts } from '../../src/plan/words.ts'
import { integer, text } from '../../src/types/declare.ts'
import { countOf, defineView, from } from '../../src/view/define-view.ts'
import { until } from '../support/wait.ts'
import {
  passwords,
  planFixture,
  shelvesSchema,
  sourceOf,
  type PlanFixture,
} from './plan-fixture.ts'

const shelves = defineView({
  name: 'shelves',
  key: { house: 'text', number: 'integer' },
  row: from('Lager.Regale A', {
    key: ['house', 'number'],
    fields: { label: text('the Label'), depth: integer('depth') },
  }),
  aggregates: {
    boxCount: countOf('boxes', { by: ['in house', 'in number'] }),
    moveCount: countOf('moves', { by: ['house', 'number'] }),
  },
})

const drop = `drop publication if exists lager; drop schema if exists "Lager" cascade;
  drop table if exists boxes, moves, others cascade`

let fixture: PlanFixture
let parts: PlanParts
let said: string[] = []

beforeAll(async () => {
  fixture = await planFixture('lager')
  parts = fixture.parts([shelves])
}, 60_000)

afterAll(() => fixture?.close())

beforeEach(async () => {
  await fixture.admin.query(drop)
  for (const role of ['lager_reader', 'lager_capture']) {
    await fixture.admin.query(`drop owned by ${role}; drop role ${role}`).catch(() => undefined)
  }
  await fixture.owner.query(shelvesSchema)
})

/** Does what a plan says; answers the steps that failed. */
function carryOut(given = parts, signal?: AbortSignal): Promise<readonly Failure[]> {
  said = []
  return withTools(given, (tools) =>
    runWorks(
      () => sourceDraft(given, tools),
      (line) => void said.push(line),
      signal,
    ),
  )
}

const whats = (list: readonly { readonly what: string }[]) => list.map(({ what }) => what)

/** A superuser runs what the owner could not, as it is shown. */
async function runByHand(failures: readonly Failure[]): Promise<void> {
  const filled = (line: string) =>
    line.replace(/<the password in MILLRACE_(\w+)>/, (_, name: string) =>
      name === 'CAPTURE' ? passwords.capture.replaceAll("'", "''") : passwords.source,
    )
  for (const { text: lines } of failures) {
    for (const line of lines) await fixture.admin.query(filled(line))
  }
}

/** Finished or not. */
async function indexesOf(table: string): Promise<readonly string[]> {
  const { rows } = await fixture.admin.query<{ name: string }>(
    `select indexrelid::regclass::text as name from pg_index
     where indrelid = to_regclass($1) and not indisprimary`,
    [table],
  )
  return rows.map(({ name }) => name)
}

async function answers(url: string, sql: string): Promise<unknown> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return Object.values((await client.query<Record<string, unknown>>(sql)).rows[0]!)[0]
  } finally {
    await client.end()
  }
}

test('an owner who is no superuser prepares strange tables, but for the role that replicates', async () => {
  const before = await sourceOf(parts)
  expect(before.faults).toEqual([])
  expect(whats(before.works)).toEqual([
    'create role lager_reader',
    'let role lager_reader see which open transactions are idle, so that they hold nothing up',
    'create role lager_capture',
    'let role lager_capture use schema Lager',
    'let role lager_reader use schema Lager',
    'let role lager_reader read Lager.Regale A',
    'let role lager_reader read boxes',
    'let role lager_reader read moves',
    'have the log tell whole rows of "Lager"."Regale A"',
    'have the log tell whole rows of public.boxes',
    'have the log tell whole rows of public.moves_old',
    'have the log tell whole rows of public."moves New"',
    'create publication lager',
    'create an index of boxes (in house, in number), while it is read and written',
    'create an index of moves (house, number), while it is read and written',
  ])
  const failures = await carryOut()
  expect(failures).toMatchObject([
    {
      what: 'create role lager_capture',
      needs: expect.stringContaining('superuser'),
      reason: expect.stringContaining('must be superuser'),
    },
    { what: 'let role lager_capture use schema Lager' },
  ])
  // The role that is missing is all that is left, and is made by the SQL that was shown.
  expect(whats((await sourceOf(parts)).works)).toEqual(whats(failures))
  await runByHand(failures)
  expect(await sourceOf(parts)).toMatchObject({ works: [], faults: [] })
  expect(await carryOut()).toEqual([])
  expect(said).toEqual([])
}, 60_000)

test('the roles have the rights that they need, and no more', async () => {
  await runByHand(await carryOut())
  const { source, capture } = fixture.urls
  expect(await answers(source, 'select count(*) from "Lager"."Regale A"')).toBe('0')
  await answers(source, 'begin; lock table moves in access share mode; select 1').catch(
    () => undefined,
  )
  await expect(answers(source, 'delete from boxes returning id')).rejects.toThrow('permission')
  await expect(answers(capture, 'select count(*) from boxes')).rejects.toThrow('permission')
  const { rows } = await fixture.admin.query<Record<string, unknown>>(
    `select rolname, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls
     from pg_roles where rolname like 'lager\\_%' and rolname <> 'lager_owner' order by 1`,
  )
  const none = { rolsuper: false, rolcreaterole: false, rolcreatedb: false, rolbypassrls: false }
  expect(rows).toEqual([
    { rolname: 'lager_capture', ...none, rolreplication: true },
    { rolname: 'lager_reader', ...none, rolreplication: false },
  ])
}, 60_000)

test('passwords are neither shown nor sent as they are', async () => {
  await fixture.admin.query(`alter role lager_owner set log_statement = 'all'`)
  const failures = await carryOut()
  const shown = JSON.stringify([await sourceOf(parts), failures, said])
  const log = fixture.server.chain.processes.logPath('postgres')
  const { readFileSync } = await import('node:fs')
  const logged = readFileSync(log, 'utf8')
  expect(logged).toContain('create role "lager_capture" login replication password')
  for (const password of Object.values(passwords)) {
    expect(shown).not.toContain(password)
    if (password !== passwords.owner) expect(logged).not.toContain(password)
  }
  await fixture.admin.query('alter role lager_owner reset log_statement')
}, 60_000)

test('a publication of others is widened, and keeps what it has', async () => {
  await fixture.owner.query(`create table others (id int primary key);
    create publication lager for table others, boxes (id)
      with (publish = 'insert', publish_via_partition_root = false)`)
  expect(whats((await sourceOf(parts)).faults)).toEqual([])
  await runByHand(await carryOut())
  const { rows } = await fixture.admin.query<{ table: string; columns: string }>(
    `select schemaname || '.' || tablename as table, array_to_string(attnames, ',') as columns
     from pg_publication_tables where pubname = 'lager' order by 1`,
  )
  expect(rows).toEqual([
    { table: 'Lager.Regale A', columns: 'house,number,the Label,depth' },
    { table: 'public.boxes', columns: 'id,in house,in number' },
    { table: 'public.moves', columns: 'id,house,number,at' },
    { table: 'public.others', columns: 'id' },
  ])
  expect(await sourceOf(parts)).toMatchObject({ works: [], faults: [] })
}, 60_000)

test('a publication by which others read the partitions of another table is left as it is', async () => {
  await fixture.owner.query(`create table others (id int primary key) partition by range (id);
    create table others_1 partition of others for values from (0) to (9);
    create publication lager for table others`)
  const { faults } = await sourceOf(parts)
  expect(faults).toEqual([
    expect.objectContaining({
      table: 'moves',
      what: expect.stringMatching(/others read public.others_1 so: name another/),
    }),
  ])
}, 60_000)

test('every fault of every view is said at once, with its column and cure', async () => {
  await fixture.owner.query(`alter table boxes drop column "in number"; drop table moves;
    alter table "Lager"."Regale A" alter depth type money using null, set unlogged`)
  const other = defineView({
    name: 'movers',
    key: { id: 'bigint' },
    row: from('nowhere', { key: 'id', fields: { label: text('label') } }),
  })
  const { faults } = await sourceOf(fixture.parts([shelves, other]))
  expect(faults.map(({ table, column }) => [table, column])).toEqual([
    ['Lager.Regale A', undefined],
    ['Lager.Regale A', 'depth'],
    ['boxes', 'in number'],
    ['moves', undefined],
    ['nowhere', undefined],
  ])
  expect(faults[0]).toMatchObject({
    where: 'source',
    what: '"Lager"."Regale A" is unlogged: no log tells its rows',
    cure: 'alter table "Lager"."Regale A" set logged;',
  })
}, 60_000)

test('an index whose building is stopped is named, and built beside it the next time', async () => {
  await runByHand(await carryOut())
  const [index] = await indexesOf('boxes')
  await fixture.owner.query(`drop index ${index!}`)
  const holder = await fixture.as(fixture.urls.owner)
  await holder.query('begin; insert into boxes values (1)')
  const stop = new AbortController()
  const carried = carryOut(parts, stop.signal)
  await until('the index is begun', async () => (await indexesOf('boxes')).length === 1)
  stop.abort()
  expect(await carried).toMatchObject([{ reason: expect.stringContaining('user request') }])
  await holder.query('rollback')
  const { notes } = await sourceOf(parts)
  expect(notes[0]).toMatch(/boxes: index .* is not finished.*drop index concurrently/)
  expect(await carryOut()).toEqual([])
  expect(await sourceOf(parts)).toMatchObject({ works: [] })
}, 60_000)

test('without an owner, what Millrace may do itself is tried, and the rest is for the owner', async () => {
  await runByHand(await carryOut())
  await fixture.owner.query('alter publication lager drop table boxes')
  const alone = fixture.parts([shelves], { MILLRACE_SOURCE_OWNER: '' })
  const failures = await carryOut(alone)
  expect(failures).toMatchObject([
    { what: 'add boxes to publication lager', reason: 'must be owner of publication lager' },
  ])
}, 60_000)

test('a grant that is not the owner’s to give has failed, though Postgres refuses nothing', async () => {
  await runByHand(await carryOut())
  await fixture.admin
    .query(`revoke all on boxes from lager_reader; alter table boxes owner to postgres;
    revoke all on boxes from lager_owner; grant select on boxes to lager_owner`)
  expect(await carryOut()).toMatchObject([
    {
      what: 'let role lager_reader read boxes',
      reason: 'it was not refused, and changed nothing',
      text: ['grant select on public."boxes" to "lager_reader";'],
    },
  ])
}, 60_000)

test('an unknown owner, and a password that is not the role’s, are told apart', async () => {
  const unknown = fixture.parts([shelves], { MILLRACE_SOURCE_OWNER: '' })
  const [fault] = (await sourceOf(unknown)).faults
  expect(fault).toMatchObject({ answered: false, cure: expect.stringContaining('sourceOwner') })
  await runByHand(await carryOut())
  const url = fixture.urls.source.replace(/:[^:@]*@/, ':wrong@')
  const { faults, works } = await sourceOf(fixture.parts([shelves], { MILLRACE_SOURCE: url }))
  expect(works).toEqual([])
  expect(faults).toEqual([
    expect.objectContaining({
      what: expect.stringMatching(/role lager_reader can't log in/),
      cure: expect.stringContaining('alter role "lager_reader" password'),
    }),
  ])
}, 60_000)

test('a lock that is not to be had is named with its holder, and the other steps are done', async () => {
  const holder = await fixture.as(`${fixture.urls.owner}?application_name=nightly`)
  await holder.query(`create index on boxes ("in house", "in number")`)
  await holder.query('begin; insert into boxes values (1)')
  const failures = await carryOut()
  await holder.query('rollback')
  const held = failures.find(({ what }) => what.includes('rows of public.boxes'))
  expect(held?.reason).toMatch(
    /a lock was not to be had: session \d+ \(nightly, idle in transaction\)/,
  )
  expect(said.some((line) => line.includes('tried 1 of 4 times'))).toBe(true)
  expect(said).toContain('source: have the log tell whole rows of public.moves_old: ok')
}, 90_000)

test('an index is built beside an open transaction, without holding up writers', async () => {
  await runByHand(await carryOut())
  const [index] = await indexesOf('boxes')
  await fixture.owner.query(`drop index ${index!}`)
  const holder = await fixture.as(fixture.urls.owner)
  await holder.query('begin; insert into boxes values (1)')
  const carried = carryOut()
  const writer = await fixture.as(fixture.urls.owner)
  await new Promise((done) => setTimeout(done, 6_500))
  await writer.query(`set statement_timeout = '1s'; insert into boxes values (2)`)
  expect(said).toEqual([expect.stringMatching(/^source: waiting for .*waits for session/)])
  await holder.query('commit')
  expect(await carried).toEqual([])
}, 60_000)
