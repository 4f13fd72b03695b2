import * as declare from '../../src/types/declare.ts'
import type { KeyType } from '../../src/types/types.ts'
import { latestOf } from '../../src/view/aggregates/latest-of.ts'
import { maxOf } from '../../src/view/aggregates/max-of.ts'
import { minOf } from '../../src/view/aggregates/min-of.ts'
import { eq } from '../../src/view/condition.ts'
import { windowOf } from '../../src/view/window-of.ts'
import { sumOf } from '../../src/view/aggregates/sum-of.ts'
import { countOf, defineView, from, type FieldDeclaration } from '../../src/view/define-view.ts'
import { sourceFixture, type SourceFixture } from './source-fixture.ts'

let fixture: SourceFixture

beforeAll(async () => {
  fixture = await sourceFixture()
  await run(`create schema "My shop"; grant usage on schema "My shop" to millrace;
    create type size as enum ('small', 'big'); create domain price as numeric(10,2);
    create domain tags as text[]; create domain label as varchar(20);
    create collation blind (provider = icu, locale = 'und-u-ks-level1', deterministic = false)`)
}, 60_000)

afterAll(() => fixture?.close())

const run = (statement: string) => fixture.admin.query(statement)

/** Faults of a view with this field over a column of this type, in a schema with an odd name. */
async function faultsOf(type: string, field: (column: string) => FieldDeclaration, more = '') {
  await run(`drop table if exists "My shop"."The Things";
    create table "My shop"."The Things" (id int primary key, "a Cell" ${type}${more});
    alter table "My shop"."The Things" replica identity full;
    grant select on "My shop"."The Things" to millrace;
    drop publication if exists things; create publication things for table "My shop"."The Things"`)
  return faultsNow(field)
}

function faultsNow(field: (column: string) => FieldDeclaration) {
  const view = defineView({
    name: 'things',
    key: { id: 'integer' },
    row: from('My shop.The Things', { key: 'id', fields: { cell: field('a Cell') } }),
  })
  return fixture.open({ publication: 'things', slot: 'things' }).faults([view])
}

test.each<[string, (column: string) => FieldDeclaration]>([
  ['smallint', declare.smallint],
  ['smallint', declare.bigint],
  ['int', declare.integer],
  ['bigint', declare.bigint],
  ['price', declare.numeric],
  ['real', declare.real],
  ['float8', declare.double],
  ['bool', declare.boolean],
  ['label', declare.text],
  ['char(5)', declare.char],
  ['uuid', declare.uuid],
  ['size', declare.enumeration],
  ['date', declare.date],
  ['time(3)', declare.time],
  ['timestamp', declare.timestamp],
  ['timestamptz(0)', declare.timestamptz],
  ['json', declare.json],
  ['jsonb', declare.jsonb],
  ['bytea', declare.bytea],
])('a column of type %s fits', async (type, field) => {
  expect(await faultsOf(type, field)).toEqual([])
})

const takes = 'view things takes it as'

test.each<[string, (column: string) => FieldDeclaration, string]>([
  [
    'price',
    declare.text,
    `numeric(10,2), ${takes} text (text or character varying): declare it as numeric('a Cell')`,
  ],
  [
    'char(5)',
    declare.text,
    `character(5), ${takes} text (text or character varying): declare it as char('a Cell')`,
  ],
  [
    'bigint',
    declare.integer,
    `bigint, ${takes} integer (smallint or integer): declare it as bigint('a Cell')`,
  ],
  [
    'size',
    declare.text,
    `size, ${takes} text (text or character varying): declare it as enumeration('a Cell')`,
  ],
  ['text', declare.enumeration, `text, ${takes} enum (an enum): declare it as text('a Cell')`],
  [
    'text[]',
    declare.text,
    `text[], ${takes} text (text or character varying): declare it as arrayOf(text('a Cell'))`,
  ],
  ['jsonb', declare.json, `jsonb, ${takes} json (json): declare it as jsonb('a Cell')`],
  [
    'timestamp',
    declare.timestamptz,
    `timestamp without time zone, ${takes} timestamptz (timestamp with time zone): declare it as timestamp('a Cell')`,
  ],
  [
    'money',
    declare.numeric,
    `money, ${takes} numeric (numeric): alter it to numeric, or leave it out`,
  ],
  [
    'interval',
    declare.text,
    `interval, ${takes} text (text or character varying): alter it to text, or bigint for a number of microseconds, or leave it out`,
  ],
  [
    'numeric(3,-2)',
    declare.numeric,
    `numeric(3,-2), whose scale below zero the connector misreads, ${takes} numeric (numeric): alter it to numeric`,
  ],
  [
    'numeric(3,-2)[]',
    (column) => declare.arrayOf(declare.numeric(column)),
    `numeric(3,-2)[], ${takes} numeric[] (an array of numeric): alter it to jsonb, or leave it out`,
  ],
  [
    'date[]',
    (column) => declare.arrayOf(declare.text(column)),
    `date[], ${takes} text[] (an array of text or character varying): alter it to jsonb, or leave it out`,
  ],
  [
    'label[]',
    (column) => declare.arrayOf(declare.text(column)),
    `label[], ${takes} text[] (an array of text or character varying): alter it to jsonb, or leave it out`,
  ],
])('a column of type %s does not fit, and the cure is named', async (type, field, words) => {
  expect(await faultsOf(type, field)).toEqual([
    {
      table: 'My shop.The Things',
      column: 'a Cell',
      what: `column a Cell of My shop.The Things is of type ${words}`,
      mend: undefined,
    },
  ])
})

describe('an array fits when the table holds to what the connector can tell', () => {
  const { arrayOf, bigint, enumeration, numeric, text } = declare
  test.each<[string, (column: string) => FieldDeclaration, readonly RegExp[]]>([
    ['bigint[]', (column) => arrayOf(bigint(column)), [/several dimensions/]],
    ['text[]', (column) => arrayOf(text(column)), [/several dimensions/]],
    ['tags', (column) => arrayOf(text(column)), [/several dimensions/]],
    [
      'numeric[]',
      (column) => arrayOf(numeric(column)),
      [/several dimensions/, /NaN or an infinity/],
    ],
    ['size[]', (column) => arrayOf(enumeration(column)), [/several dimensions/, /holds a null/]],
  ])('%s', async (type, field, expected) => {
    const found = await faultsOf(type, field)
    expect(found.map(({ what }) => what)).toEqual(
      expected.map((each) => expect.stringMatching(each) as string),
    )
    for (const { mend } of found) await run(mend!)
    expect(await faultsNow(field)).toEqual([])
  })

  test('one condition of several does, one that need not hold does not', async () => {
    const field = (column: string) => arrayOf(numeric(column))
    const flat = 'array_ndims("a Cell") = 1'
    const numbers = `not ("a Cell" && '{NaN,Infinity,-Infinity}')`
    expect(
      await faultsOf('numeric[]', field, `, check (id > 0 and ${flat} and ${numbers})`),
    ).toEqual([])
    expect(await faultsOf('numeric[]', field, `, check (${flat} or ${numbers})`)).toHaveLength(2)
    expect(
      await faultsOf('numeric[]', field, ', "a Cell2" text[], check (array_ndims("a Cell2") = 1)'),
    ).toHaveLength(2)
    expect(await faultsOf('numeric[]', field)).toHaveLength(2)
    await run(`alter table "My shop"."The Things" add check (${flat}) not valid`)
    expect(await faultsNow(field)).toHaveLength(2)
  })
})

/** Faults of a view keyed by a column of this type. */
async function keyFaults(type: string, key: KeyType, collation = '') {
  await run(`drop table if exists keyed; drop table if exists counted;
    create table keyed (key ${type} ${collation} primary key);
    create table counted (id int primary key, key ${type} ${collation});
    alter table keyed replica identity full; alter table counted replica identity full;
    grant select on keyed, counted to millrace;
    drop publication if exists things; create publication things for table keyed, counted`)
  const view = defineView({
    name: 'keyed',
    key: { key },
    row: from('keyed', { key: 'key', fields: {} }),
    aggregates: { lines: countOf('counted', { by: 'key' }) },
  })
  return fixture.open({ publication: 'things', slot: 'things' }).faults([view])
}

test.each<[string, KeyType]>([
  ['smallint', 'smallint'],
  ['bigint', 'bigint'],
  ['label', 'text'],
  ['uuid', 'uuid'],
  ['size', 'enum'],
  ['date', 'date'],
])('a key of type %s fits', async (type, key) => {
  expect(await keyFaults(type, key)).toEqual([])
})

test.each<[string, KeyType, string, RegExp]>([
  [
    'char(5)',
    'text',
    '',
    /of type character\(5\), .*: char is no type of keys, for texts that differ in blanks/,
  ],
  [
    'numeric',
    'bigint',
    '',
    /of type numeric, .*: numeric is no type of keys, for equal numbers may have/,
  ],
  ['real', 'text', '', /of type real, .*: real is no type of keys/],
  ['uuid', 'text', '', /of type uuid, .*: declare the key's part as 'uuid'/],
  ['money', 'text', '', /of type money, .*: alter it to numeric/],
  [
    'text',
    'text',
    'collate blind',
    /collation in which different texts are equal: alter table public."keyed" alter column "key" type text collate "C"/,
  ],
])('a key of type %s as %s %s is refused, of both tables', async (type, key, collation, words) => {
  const found = await keyFaults(type, key, collation)
  expect(found.map(({ table, what }) => [table, what])).toEqual([
    ['keyed', expect.stringMatching(words)],
    [
      'counted',
      expect.stringMatching(words.source.includes('keyed') ? /collation in which/ : words),
    ],
  ])
})

test('columns that are written under one name are refused', async () => {
  await run('alter table "My shop"."The Things" add if not exists "a_Cell" text')
  const view = defineView({
    name: 'things',
    key: { id: 'integer' },
    row: from('My shop.The Things', {
      key: 'id',
      fields: { a: declare.arrayOf(declare.numeric('a Cell')), b: 'a_Cell' },
    }),
  })
  const found = await fixture.open({ publication: 'things', slot: 'things' }).faults([view])
  expect(found.map(({ what }) => what)).toContain(
    'columns a Cell and a_Cell of My shop.The Things are both written as a_Cell: rename one of them',
  )
})

describe('a table of another schema', () => {
  test('that may not be used is named, and mended', async () => {
    expect(await faultsOf('text', declare.text)).toEqual([])
    await run('revoke usage on schema "My shop" from millrace')
    const [fault] = await faultsNow(declare.text)
    expect(fault).toEqual({
      table: undefined,
      what: 'role millrace may not use schema My shop',
      mend: 'grant usage on schema "My shop" to "millrace";',
      does: 'let role millrace use schema My shop',
    })
    await run(fault!.mend!)
    expect(await faultsNow(declare.text)).toEqual([])
  })

  test('is not mistaken for one of the same name elsewhere', async () => {
    await run('create table "The Things" (id int primary key, "a Cell" text)')
    expect(await faultsOf('text', declare.text)).toEqual([])
    await run('drop publication things; create publication things for table "The Things"')
    const found = await faultsNow(declare.text)
    expect(found.map(({ mend }) => mend)).toEqual([
      'alter publication "things" add table "My shop"."The Things";',
    ])
  })
})

test('truth does not depend on the settings of the role', async () => {
  await faultsOf('float8', declare.double, `, "a Day" date default '2026-11-21'`)
  await run(`insert into "My shop"."The Things" values (1, 0.1::float8 + 0.2);
    alter role millrace set extra_float_digits = -15; alter role millrace set datestyle = 'SQL, DMY'`)
  const view = defineView({
    name: 'things',
    key: { id: 'integer' },
    row: from('My shop.The Things', {
      key: 'id',
      fields: { cell: declare.double('a Cell'), day: declare.date('a Day') },
    }),
  })
  const source = fixture.open({ publication: 'things', slot: 'things' })
  const page = { kind: 'range', after: undefined, keysMax: 10 } as const
  const { entries } = await source.truth(view, page, 'marker')
  await run('alter role millrace reset all')
  expect([...entries]).toEqual([['1', '+1:119:0.3000000000000000410:2026-11-21;']])
})

describe('a numeric column that is added up', () => {
  async function summed(type: string, scale: number, more = '') {
    await run(`drop table if exists sales; drop publication if exists sales;
      create table sales (id int primary key, shop int, total ${type}${more});
      alter table sales replica identity full; grant select on sales to millrace;
      create publication sales for table sales`)
    return salesFaults(scale)
  }

  function salesFaults(scale: number) {
    const view = defineView({
      name: 'shops',
      key: { id: 'integer' },
      row: from('sales', { key: 'id', fields: {} }),
      aggregates: { paid: sumOf('sales', { by: 'shop', of: declare.numeric('total'), scale }) },
    })
    return fixture.open({ publication: 'sales', slot: 'sales' }).faults([view])
  }

  const checked = " check (total <> 'NaN')"

  test.each([
    ['numeric(18,2)', 2],
    ['numeric(10,2)', 4],
    ['numeric(10)', 0],
    ['price', 2],
  ])('of type %s at scale %p fits', async (type, scale) => {
    expect(await summed(type, scale, checked)).toEqual([])
  })

  test.each([
    ['numeric', 2],
    ['numeric(10,3)', 2],
    ['numeric(18,2)', 3],
  ])('of type %s at scale %p does not, until it is altered as it is said', async (type, scale) => {
    const [fault, ...more] = await summed(type, scale, checked)
    expect(more).toEqual([])
    expect(fault!.what).toContain(`column total of sales is of type ${type}, of which paid`)
    await run(fault!.mend!)
    expect(await salesFaults(scale)).toEqual([])
  })

  test('has to be kept from NaN', async () => {
    const [fault] = await summed('numeric(10,2)', 2)
    expect(fault!.what).toContain("may hold NaN, which paid of view shops can't add up")
    await run(fault!.mend!)
    expect(await salesFaults(2)).toEqual([])
  })
})

describe('a list', () => {
  const { bigint, numeric, timestamptz } = declare
  const lists = (key: Parameters<typeof latestOf>[1]['key']) =>
    defineView({
      name: 'visits',
      key: { id: 'integer' },
      row: from('guests', { key: 'id', fields: {} }),
      aggregates: {
        last: latestOf('visits', {
          by: 'guest',
          key,
          most: 3,
          fields: { at: timestamptz('at') },
          order: timestamptz('at'),
        }),
        least: minOf('visits', { by: 'guest', key, of: numeric('paid'), scale: 2 }),
      },
    })

  const faults = async (paid: string, key: Parameters<typeof latestOf>[1]['key']) => {
    await run(`drop table if exists visits, guests; drop publication if exists visits;
      create table guests (id int primary key); alter table guests replica identity full;
      create table visits (hotel text, nr bigint, guest int, at timestamptz, paid ${paid},
        primary key (hotel, nr));
      alter table visits replica identity full; grant select on visits, guests to millrace;
      create publication visits for table visits, guests`)
    const source = fixture.open({ publication: 'visits', slot: 'visits' })
    return (await source.faults([lists(key)])).map(({ what }) => what)
  }
  const checked = "numeric(8,2) check (paid <> 'NaN')"

  test('has rows by the whole primary key, in whatever order', async () => {
    expect(await faults(checked, ['hotel', bigint('nr')])).toEqual([])
    expect(await faults(checked, [bigint('nr'), 'hotel'])).toEqual([])
    expect(await faults(checked, bigint('nr'))).toEqual(
      ['last', 'least'].map(
        (name) =>
          `nr, by which ${name} of view visits tells rows apart, is not the primary key of ` +
          'visits: its key is hotel, nr',
      ),
    )
  })

  test('is in the order of numbers that have so many digits, and no NaN', async () => {
    expect(await faults('numeric(8,3)', ['hotel', bigint('nr')])).toEqual([
      expect.stringContaining('column paid of visits is of type numeric(8,3), of which least'),
      "column paid of visits may hold NaN, which least of view visits can't put in order",
    ])
  })

  test('and what it tells come from the earlier values of a row', async () => {
    await faults(checked, ['hotel', bigint('nr')])
    await run('alter table visits replica identity default')
    const source = fixture.open({ publication: 'visits', slot: 'visits' })
    const [fault, ...more] = await source.faults([lists(['hotel', bigint('nr')])])
    expect(more).toEqual([])
    expect(fault!.mend).toBe('alter table public.visits replica identity full;')
  })
})

test('a window takes columns of its own type, without a table of entries', async () => {
  await run(`drop table if exists clicks;
    create table clicks (id int primary key, session bigint, at timestamptz, local timestamp, note text);
    alter table clicks replica identity full; grant select on clicks to millrace;
    drop publication if exists things; create publication things for table clicks`)
  const faults = (column: string) => {
    const view = defineView({
      name: 'play',
      key: { session: 'bigint', start: windowOf('timestamptz', '90 seconds') },
      aggregates: { n: countOf('clicks', { by: ['session', column] }) },
    })
    return fixture.open({ publication: 'things', slot: 'things' }).faults([view])
  }
  expect(await faults('at')).toEqual([])
  expect((await faults('local')).map(({ what }) => what)).toEqual([
    expect.stringMatching(
      /local .* declare the key's part as windowOf\('timestamp', '90 seconds'\)$/,
    ),
  ])
  expect((await faults('note')).map(({ what }) => what)).toEqual([
    expect.stringMatching(/note .* declare the key's part as 'text'$/),
  ])
})

test('a column of another type that rows give by is declared as what it is', async () => {
  await run(`drop table if exists clicks;
    create table clicks (id int primary key, session bigint, at timestamp, ms bigint, page uuid);
    alter table clicks replica identity full; grant select on clicks to millrace;
    drop publication if exists things; create publication things for table clicks`)
  const view = defineView({
    name: 'play',
    key: { session: 'bigint' },
    aggregates: {
      spent: sumOf('clicks', { of: declare.integer('ms'), by: 'session' }),
      last: maxOf('clicks', {
        of: declare.timestamptz('at'),
        key: declare.integer('id'),
        where: [eq('page', 'home')],
        by: 'session',
      }),
    },
  })
  const found = await fixture.open({ publication: 'things', slot: 'things' }).faults([view])
  expect(found.map(({ what }) => what.replace(/^.*\): /, ''))).toEqual([
    "declare it as bigint('ms')",
    "declare it as uuid('page')",
    "declare it as timestamp('at')",
  ])
})
