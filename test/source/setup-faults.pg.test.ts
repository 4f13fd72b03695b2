import { readFacts } from '../../src/source/setup-facts.ts'
import { faultsIn } from '../../src/source/setup-faults.ts'
import { SourceDatabase } from '../../src/source/source-database.ts'
import type { SetupFault, Source } from '../../src/source/source.ts'
import { bigint, timestamptz } from '../../src/types/declare.ts'
import { countOf, defineView, from } from '../../src/view/define-view.ts'
import { tablesOf } from '../../src/view/view.ts'
import { userInformation } from '../../examples/social/user-information.ts'
import { sourceFixture, type SourceFixture } from './source-fixture.ts'

let fixture: SourceFixture
let source: Source

const view = defineView({
  name: 'things',
  key: { id: 'text' },
  row: from('things', {
    key: 'id',
    fields: { label: 'label', size: bigint('size'), madeAt: timestamptz('made_at') },
  }),
  aggregates: {
    partCount: countOf('parts', { by: 'thing' }),
    seenCount: countOf('seen', { by: 'thing' }),
  },
})

const tables = `
  create domain label as varchar(20);
  create domain short_label as label check (length(value) < 10);
  create collation blind (provider = icu, locale = 'und-u-ks-level1', deterministic = false);
  create table things (id text primary key, label short_label, size smallint, made_at timestamptz(3), other float);
  create table parts (id bigint, thing text, primary key (id, thing));
  create table seen (id bigint, thing varchar, primary key (id)) partition by range (id);
  create table seen_1 partition of seen for values from (0) to (1000);
  alter table things replica identity full; alter table seen_1 replica identity full;
  grant select on things, parts, seen to millrace;
  create publication things for table things, parts, seen with (publish_via_partition_root = true);`

const drop = `drop publication if exists things;
  do $$ declare it record; begin
    for it in select relname, relkind from pg_class where relnamespace = 'public'::regnamespace
        and relname in ('things', 'parts', 'seen') loop
      execute format('drop %s %I cascade', case it.relkind when 'v' then 'view' else 'table' end, it.relname);
    end loop;
  end $$;
  drop domain if exists label, odd cascade; drop collation if exists blind`

beforeAll(async () => {
  fixture = await sourceFixture()
  source = fixture.open({ publication: 'things', slot: 'things' })
}, 60_000)

afterAll(() => fixture?.close())

beforeEach(() => run(drop).then(() => run(tables)))

const run = (statement: string) => fixture.admin.query(statement)
const faults = (): Promise<readonly SetupFault[]> => source.faults([view])

test('there is none in a set-up that fits, nor in the one that this repository makes', async () => {
  expect(await faults()).toEqual([])
  expect(
    await fixture.open({ publication: 'millrace', slot: 'millrace' }).faults([userInformation]),
  ).toEqual([])
})

describe('a fault that SQL can mend is gone after that', () => {
  test.each<[string, string, RegExp]>([
    [
      'no right to read',
      'revoke select on parts from millrace',
      /role millrace may not read parts/,
    ],
    [
      'no right to use the schema',
      'revoke usage on schema public from millrace, public',
      /millrace may not use schema public/,
    ],
    [
      'row level security',
      'alter table parts enable row level security',
      /row level security may hide rows of parts/,
    ],
    [
      'an unlogged table',
      'alter publication things drop table parts; alter table parts set unlogged',
      /public.parts is unlogged/,
    ],
    ['an unlogged partition', 'alter table seen_1 set unlogged', /public.seen_1 is unlogged/],
    [
      'no replica identity',
      'alter table parts replica identity nothing',
      /replica identity of public.parts/,
    ],
    [
      'a replica identity that lacks the row',
      'alter table things replica identity default',
      /replica identity of public.things/,
    ],
    [
      'a replica identity by another index',
      'alter table parts replica identity using index parts_pkey',
      /replica identity of public.parts/,
    ],
    [
      'a partition whose replica identity is its own',
      'create table seen_2 partition of seen for values from (1000) to (2000)',
      /replica identity of public.seen_2/,
    ],
    ['no publication', 'drop publication things', /there is no publication things/],
    [
      'a table that is not published',
      'alter publication things drop table parts',
      /does not have table parts/,
    ],
    [
      'a publication without deletes and updates',
      `alter publication things set (publish = 'insert')`,
      /leaves out every update and delete/,
    ],
    [
      'a row filter',
      `alter publication things set table things where (id <> 'x'), parts, seen`,
      /leaves out rows of things by a filter/,
    ],
    [
      'a column list',
      'alter publication things set table things (id, size), parts, seen',
      /leaves out label, made_at of things/,
    ],
    [
      'a column list without the primary key',
      'alter publication things set table things, parts (thing), seen',
      /leaves out id of parts/,
    ],
    [
      'partitions that are published by their own names',
      'alter publication things set (publish_via_partition_root = false)',
      /publishes seen by the names of its partitions/,
    ],
  ])('%s', async (_, statement, expected) => {
    await run(statement)
    const found = await faults()
    expect(found[0]!.what).toMatch(expected)
    for (const { mend } of found) await run(mend!)
    expect(await faults()).toEqual([])
    await run('alter role millrace nobypassrls')
  })
})

describe('a fault that is for people to decide is named', () => {
  test.each<[string, string, RegExp]>([
    ['a table that is missing', 'drop table parts', /^table parts is not there$/],
    [
      'a view in its place',
      'drop table parts; create view parts as select 1 as thing',
      /parts is not a table/,
    ],
    [
      'a column that is missing',
      'alter table things drop label',
      /column label of things is not there/,
    ],
    [
      'a column of another type',
      'alter table things alter label type char(5)',
      /label of things is of type character.*text or character varying/,
    ],
    [
      'an array',
      'alter table things alter size type int[] using null',
      /size of things is of type integer\[\]/,
    ],
    [
      'a time without a zone',
      'alter table things alter made_at type timestamp',
      /made_at of things is of type timestamp without/,
    ],
    [
      'a domain of another type',
      'create domain odd as float; alter table things alter size type odd',
      /size of things is of type double precision/,
    ],
    [
      'a generated column',
      `alter table things drop size; alter table things add size int generated always as (1) stored`,
      /size of things is generated/,
    ],
    [
      'no primary key',
      'alter table parts drop constraint parts_pkey; alter table parts replica identity full',
      /parts has no primary key/,
    ],
    [
      'an owner key that is not the primary key',
      'alter table things drop constraint things_pkey; alter table things add primary key (id, size)',
      /id, the key of view things, is not the primary key of things \(id, size\)/,
    ],
    [
      'a deferrable primary key',
      `alter table things drop constraint things_pkey; alter table things add primary key (id) deferrable`,
      /primary key of things is deferrable/,
    ],
    [
      'a collation that takes texts for equal',
      'alter table parts alter thing type text collate blind',
      /thing of parts has a collation in which different texts are equal/,
    ],
    [
      'tables that inherit',
      'create table child () inherits (parts)',
      /other tables inherit from parts/,
    ],
  ])('%s', async (_, statement, expected) => {
    for (const each of statement.split(';')) await run(each)
    const found = await faults()
    expect(found.map(({ what }) => what)).toContainEqual(expect.stringMatching(expected))
    expect(found.every(({ table }) => table !== undefined)).toBe(true)
  })
})

test('a fault of two views is said once, and the stronger replica identity is asked for', async () => {
  await run('alter table parts replica identity nothing')
  const other = defineView({
    ...declarationOf('more-things'),
    aggregates: { n: countOf('parts', { by: 'note' }) },
  })
  await run('alter table parts add note text')
  const found = await source.faults([view, view, other])
  expect(found).toEqual([
    {
      table: 'parts',
      what: 'the replica identity of public.parts gives too little of a changed row',
      mend: 'alter table public.parts replica identity full;',
      does: 'have the log tell whole rows of public.parts',
    },
  ])
})

function declarationOf(name: string) {
  return {
    name,
    key: { id: 'text' as const },
    row: from('things', { key: 'id', fields: { label: 'label' } }),
  }
}

test('whoever owns a table is not hidden rows from, unless the policy is forced', async () => {
  await run('alter table parts owner to millrace; alter table parts enable row level security')
  expect(await faults()).toEqual([])
  await run('alter table parts force row level security')
  expect(await faults()).toEqual([
    expect.objectContaining({ what: expect.stringMatching(/row level security/) as string }),
  ])
})

test('a log that does not tell rows is a fault', async () => {
  const database = new SourceDatabase({
    url: fixture.url,
    connectionsMax: 1,
    messageTimeoutMs: 2_000,
    connectTimeoutMs: 2_000,
  })
  const asked = { tables: tablesOf(userInformation), publication: 'millrace' }
  const facts = await readFacts(database, asked).finally(() => database.close())
  const faultsAt = (walLevel: string) =>
    faultsIn({ ...facts, server: { ...facts.server, walLevel } }, [userInformation], 'millrace')
  expect(facts.server.walLevel).toBe('logical')
  const others = faultsAt('logical')
  const [fault, ...rest] = faultsAt('replica')
  expect(fault).toMatchObject({ table: undefined, mend: 'alter system set wal_level = logical;' })
  expect(fault!.what).toMatch(/wal_level is replica/)
  expect(rest).toEqual(others)
})
