import { z } from 'zod'
import type { Source } from '../../src/source/source.ts'
import { countOf, defineView, from } from '../../src/view/define-view.ts'
import { capture, sourceFixture, type SourceFixture } from './source-fixture.ts'

const form = z.object({
  tables: z.record(
    z.string(),
    z
      .object({ oid: z.number(), files: z.record(z.string(), z.number().nullable()) })
      .loose()
      .nullable(),
  ),
  publication: z.unknown(),
  slot: z.unknown(),
  unique: z.record(z.string(), z.array(z.string())),
})

type Setup = z.infer<typeof form>

let fixture: SourceFixture
let source: Source

const view = defineView({
  name: 'things',
  key: { id: 'bigint' },
  row: from('things', { key: 'id', fields: { label: 'label' } }),
  aggregates: { partCount: countOf('parts', { by: 'thing' }) },
})

beforeAll(async () => {
  fixture = await sourceFixture()
  source = fixture.open({ publication: 'things', slot: capture.slot })
  await run(`create table things (id bigint primary key, label text, size int, other text);
    alter table things replica identity full;
    create table parts (id bigint, thing bigint, primary key (id, thing)) partition by range (id);
    create table parts_1 partition of parts for values from (0) to (1000);
    alter table parts replica identity full; alter table parts_1 replica identity full;
    create table unrelated (id bigint primary key);
    insert into things select i, 'x', i, 'y' from generate_series(1, 100) i;
    insert into parts select i, i from generate_series(1, 100) i;
    create publication things for table things, parts with (publish_via_partition_root = true)`)
}, 60_000)

afterAll(() => fixture?.close())

const run = (statement: string) => fixture.admin.query(statement)

async function setup(): Promise<{ readonly text: string; readonly json: Setup }> {
  const { setup: text } = await source.moment(view)
  return { text, json: form.parse(JSON.parse(text)) }
}

/** Dotted names of what differs, without oids. */
function differences(before: unknown, after: unknown, path = ''): string[] {
  const isObject = (value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
  if (!isObject(before) || !isObject(after)) {
    return JSON.stringify(before) === JSON.stringify(after) ? [] : [path]
  }
  const [a, b] = [before as Record<string, unknown>, after as Record<string, unknown>]
  return Object.keys({ ...a, ...b }).flatMap((key) =>
    differences(a[key], b[key], /^\d+$/.test(key) ? path : `${path}.${key}`),
  )
}

test('tells tables, their files and their partitions, publication and slot', async () => {
  const { json } = await setup()
  expect(Object.keys(json.tables).toSorted()).toEqual(['parts', 'things'])
  expect(Object.keys(json.tables['things']!.files)).toEqual([String(json.tables['things']!.oid)])
  expect(Object.keys(json.tables['parts']!.files)).toHaveLength(2)
  expect(json.publication).toMatchObject({ row: { pubname: 'things', puballtables: false } })
  expect(json.slot).toBeNull()
})

test('tells which columns are of unique indexes, but for the primary key, also of partitions', async () => {
  await run(
    'create unique index one on things (size); create unique index two on parts_1 (thing, id)',
  )
  expect((await setup()).json.unique).toEqual({ things: ['size'], parts: ['id', 'thing'] })
  await run('drop index one, two')
  expect((await setup()).json.unique).toEqual({ things: [], parts: [] })
})

const files = '.tables.things.files'
const identities = '.tables.things.identities'

describe('is another one after', () => {
  test.each<[string, string, readonly string[]]>([
    ['TRUNCATE', 'truncate things', [files, identities]],
    [
      'TRUNCATE of a partition',
      'truncate parts_1',
      ['.tables.parts.files', '.tables.parts.identities'],
    ],
    [
      'a rewriting ALTER TYPE',
      'alter table things alter size type bigint using size * 100',
      [files, identities, '.tables.things.columns.size'],
    ],
    ['VACUUM FULL', 'vacuum full things', [files, identities]],
    ['an altered replica identity', 'alter table things replica identity default', [identities]],
    [
      'a replica identity that is altered and put back',
      'alter table things replica identity nothing; alter table things replica identity full',
      [identities],
    ],
    [
      "a partition's replica identity that is altered and put back",
      'alter table parts_1 replica identity default; alter table parts_1 replica identity full',
      ['.tables.parts.identities'],
    ],
    ['a unique index', 'create unique index named on things (other, id)', ['.unique.things']],
    ['a unique index that is dropped', 'drop index named', ['.unique.things']],
    [
      'a primary key that is made anew',
      'alter table things drop constraint things_pkey; alter table things add primary key (id)',
      [identities],
    ],
    [
      'a table out of the publication and in again',
      'alter publication things drop table things; alter publication things add table things',
      ['.publication.tables.things'],
    ],
    [
      'the same within one transaction',
      'begin; alter publication things drop table parts; alter publication things add table parts; commit',
      ['.publication.tables.parts'],
    ],
    [
      'a publication that leaves out deletes for a while',
      `alter publication things set (publish = 'insert, update');
       alter publication things set (publish = 'insert, update, delete, truncate')`,
      ['.publication.row.xmin'],
    ],
    [
      'a row filter',
      'alter publication things set table things where (id > 0), parts',
      ['.publication.tables.things'],
    ],
    [
      'a publication of the whole schema',
      'alter publication things add tables in schema public',
      ['.publication.schemas'],
    ],
    [
      'columns that exchange their names',
      `alter table things rename label to third; alter table things rename other to label;
       alter table things rename third to other`,
      ['.tables.things.columns.label', '.tables.things.columns.other'],
    ],
    [
      'a column that is made anew',
      `alter table things drop other; alter table things add other text default 'z'`,
      [identities, '.tables.things.columns.other'],
    ],
    [
      'a partition that is attached',
      'create table parts_2 partition of parts for values from (1000) to (2000)',
      ['.tables.parts.files', '.tables.parts.identities'],
    ],
    [
      'a partition that is detached and attached again',
      `alter table parts detach partition parts_1;
       alter table parts attach partition parts_1 for values from (0) to (1000)`,
      ['.tables.parts.identities'],
    ],
    [
      'a table that is replaced by another of its name',
      `alter table things rename to things_old;
       create table things (id bigint primary key, label text, size bigint, other text)`,
      ['.tables.things', '.publication.tables.things'],
    ],
    [
      'a table that is dropped',
      'drop table things',
      ['.tables.things', '.publication.tables.things', '.unique.things'],
    ],
    [
      'a slot that is created',
      `select pg_create_logical_replication_slot('${capture.slot}', 'pgoutput')`,
      ['.slot'],
    ],
    ['a slot that is dropped', `select pg_drop_replication_slot('${capture.slot}')`, ['.slot']],
    ['a publication that is dropped', 'drop publication things', ['.publication']],
    ['a publication of everything', 'create publication things for all tables', ['.publication']],
  ])('%s', async (_, statements, expected) => {
    const before = await setup()
    // Of one message they would be one transaction, which some of these can't be in.
    const parts = statements.startsWith('begin;') ? [statements] : statements.split(';')
    for (const statement of parts) await run(statement)
    const after = await setup()
    expect(after.text).not.toBe(before.text)
    const found = [...new Set(differences(before.json, after.json))]
    for (const path of expected) {
      expect(found.filter((each) => each === path || each.startsWith(`${path}.`))).not.toEqual([])
    }
    const strange = found.filter(
      (each) => !expected.some((path) => each === path || each.startsWith(`${path}.`)),
    )
    expect(strange).toEqual([])
  })
})

test('is the same through ordinary traffic and upkeep', async () => {
  await run(`create table things (id bigint primary key, label text)`)
  await run('insert into things select i from generate_series(1, 1000) i')
  const before = await setup()
  for (const statement of [
    `insert into things select i, 'x' from generate_series(1001, 20000) i`,
    `update things set label = 'y'`,
    'delete from things where id % 3 = 0',
    'analyze things',
    'vacuum things',
    'vacuum (freeze, analyze) parts_1',
    'checkpoint',
    'create index things_label on things (label)',
    'reindex table things',
    'alter table unrelated add column x int',
    'truncate unrelated',
    'vacuum full pg_class',
    `comment on table things is 'what there is'`,
  ]) {
    await run(statement)
    expect([statement, (await setup()).text]).toEqual([statement, before.text])
  }
})
