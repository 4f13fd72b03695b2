/** What windows and views without owning rows are, against SQL that is written apart from the view. */
import { Client } from 'pg'
import type { Row } from '../../src/change.ts'
import { spellKey, splitKey } from '../../src/entry-key.ts'
import { decodeEntry } from '../../src/store/entry-text.ts'
import { integer } from '../../src/types/declare.ts'
import { typeOf } from '../../src/types/types.ts'
import type { WindowType } from '../../src/types/windows.ts'
import { sumOf } from '../../src/view/aggregates/sum-of.ts'
import { topOf } from '../../src/view/aggregates/top-of.ts'
import { gt } from '../../src/view/condition.ts'
import { consolidator } from '../../src/view/consolidate.ts'
import { countOf, defineView } from '../../src/view/define-view.ts'
import { fold } from '../../src/view/fold.ts'
import { itemRangeQuery, readItems } from '../../src/view/truth-items.ts'
import { readTruth } from '../../src/view/truth-page.ts'
import {
  keysQuery,
  rangeQuery,
  settledQuery,
  type PageLimits,
  type TruthQuery,
} from '../../src/view/truth-query.ts'
import { columnsOf, type View } from '../../src/view/view.ts'
import { windowOf } from '../../src/view/window-of.ts'
import { insert } from '../support/builders.ts'
import { postgresServer, type TestServer } from '../support/chain.ts'

type Shape = {
  readonly type: WindowType
  readonly length: string
  /** SQL for the start of a window of `at`, which is finite. */
  readonly start: string
  /** Columns of the key, where `at` is the one of windows. */
  readonly by: readonly string[]
}

const bin = (length: string, origin: string) => `date_bin('${length}', at, ${origin})`
const utc = "timestamptz '1970-01-01 00:00:00+00'"
const local = "timestamp '1970-01-01 00:00:00'"
const days = (count: number) => `date_bin('${count} days', at::timestamp, ${local})::date`

const shapes: readonly Shape[] = [
  { type: 'timestamptz', length: '5 minutes', start: bin('5 min', utc), by: ['session', 'at'] },
  { type: 'timestamptz', length: '7 days', start: bin('7 days', utc), by: ['at', 'kind'] },
  { type: 'timestamptz', length: '1 hour', start: bin('1 h', utc), by: ['at'] },
  { type: 'timestamp', length: '1 hour', start: bin('1 h', local), by: ['kind', 'at', 'session'] },
  { type: 'timestamp', length: '3 seconds', start: bin('3 s', local), by: ['mood', 'at', 'kind'] },
  { type: 'date', length: '7 days', start: days(7), by: ['session', 'at'] },
  { type: 'date', length: '1 day', start: days(1), by: ['kind', 'at'] },
]

const partTypes = { session: 'bigint', kind: 'text', mood: 'enum' } as const

function viewOf({ type, length, by }: Shape): View {
  const parts = by.map((column) => [
    column,
    column === 'at' ? windowOf(type, length) : partTypes[column as keyof typeof partTypes],
  ])
  const table = `clicks_${type}`
  return defineView({
    name: 'play',
    key: Object.fromEntries(parts),
    aggregates: {
      spent: sumOf(table, { by, of: integer('spent') }),
      longCount: countOf(table, { by, where: [gt(integer('spent'), 3)] }),
      notes: topOf(table, { by, item: 'note', most: 3 }),
    },
  })
}

let server: TestServer
let client: Client

const edges = [
  '1969-12-31 23:59:59.999999',
  '1969-12-31 23:55:00',
  '1969-12-25 00:00:00',
  '1969-12-24 23:59:59.999999',
  '1970-01-01 00:00:00',
  '1970-01-08 00:00:00',
  '1999-12-31 23:59:59.999999',
  '2000-01-01 00:00:00',
  '2000-01-06 00:00:00',
  '9999-12-31 23:59:59.999999',
  '10000-01-01 00:00:00',
  '0044-03-15 12:34:56 BC',
  '0001-01-01 00:00:01',
  '290000-01-01 00:00:01',
  'infinity',
  '-infinity',
]

beforeAll(async () => {
  server = await postgresServer()
  client = new Client(server.url)
  await client.connect()
  await client.query(`set timezone to 'America/New_York'; set datestyle to 'SQL, DMY'`)
  await client.query(`create type mood as enum ('b', 'a', 'B'); select setseed(0.20261122)`)
  for (const type of ['timestamptz', 'timestamp', 'date']) {
    const zone = type === 'timestamptz' ? '+00' : ''
    const texts = edges.map((text) => {
      const [time, bc] = text.split(' BC')
      return `('${time}${text.includes('infinity') ? '' : zone}${bc === undefined ? '' : ' BC'}'::${type})`
    })
    await client.query(`
      create table clicks_${type} (id bigint primary key, session bigint, kind text, mood mood,
        at ${type}, spent integer, note text);
      insert into clicks_${type} select i, nullif((random() * 9)::int, 0),
        (array['a:b', 'B', 'ä', null])[1 + (random() * 3)::int],
        (array['a', 'b', 'B', null]::mood[])[1 + (random() * 3)::int],
        case when random() < 0.95 then (timestamp '1969-12-31 22:00:00'
          + i * interval '61.000001 seconds' * case when i % 5 = 0 then 600 else 1 end)::${type} end,
        case when random() < 0.9 then (random() * 10)::int - 5 end,
        (array['x', 'y', null])[1 + (random() * 2)::int]
      from generate_series(1, 600) i;
      insert into clicks_${type} select 1000 + row_number() over (), s, 'B', 'b', at, 5, 'x'
      from (values ${texts.join(', ')}) edges (at), generate_series(1, 2) s;
      create index on clicks_${type} (session, at); analyze clicks_${type}`)
  }
}, 60_000)

afterAll(async () => {
  await client?.end()
  await server?.stop()
})

async function ask(view: View, query: TruthQuery) {
  await client.query('begin isolation level repeatable read, read only')
  try {
    for (const text of query.prelude) await client.query(text)
    const answers: unknown[][][] = []
    for (const text of query.statements) {
      answers.push((await client.query<unknown[]>({ text, rowMode: 'array' })).rows)
    }
    return readTruth(view, query, answers)
  } finally {
    await client.query('rollback')
  }
}

async function walk(view: View, limits: PageLimits) {
  const found: [string, string][] = []
  let after: string | undefined
  let keys = 0
  do {
    const page = await ask(view, rangeQuery(view, after, limits))
    keys = Math.max(keys, page.entries.size)
    for (const entry of page.entries) found.push(entry)
    after = page.last
  } while (after !== undefined)
  return { found, keys }
}

type Numbers = Readonly<Record<string, string>>

/** By key: the sum, the number of long ones, of each note, and of all. */
async function expected({ type, start, by }: Shape): Promise<Map<string, Numbers>> {
  const columns = by.map((column) => (column === 'at' ? start : column))
  const texts = by.map((column, at) =>
    column === 'at' ? typeOf(type).sql('k.at') : `k.c${at}::text`,
  )
  const named = columns.map((sql, at) => `${sql} as ${by[at] === 'at' ? 'at' : `c${at}`}`)
  const { rows } = await client.query<(string | null)[]>({
    text: `select ${texts.join(', ')}, coalesce(sum(spent), 0)::text,
        count(*) filter (where spent > 3)::text, count(*)::text,
        count(*) filter (where note = 'x') || ' ' || count(*) filter (where note = 'y')
      from (select ${named.join(', ')}, spent, note from clicks_${type}
        where isfinite(at) and ${by.map((column) => `${column} is not null`).join(' and ')}) k
      group by ${by.map((column, at) => (column === 'at' ? 'k.at' : `k.c${at}`)).join(', ')}`,
    rowMode: 'array',
  })
  return new Map(
    rows.map((row) => {
      const parts = row.slice(0, by.length) as string[]
      const [spent, longCount, rowCount, notes] = row.slice(by.length).map(String)
      return [
        JSON.stringify(parts),
        { spent: spent!, longCount: longCount!, rowCount: rowCount!, notes: notes! },
      ]
    }),
  )
}

/** In the words of `expected`. */
function told(view: View, entries: Iterable<readonly [string, string]>): Map<string, Numbers> {
  return new Map(
    [...entries].map(([key, text]) => {
      const { fields, counts, tallies } = decodeEntry(view.layout, text)!
      expect(fields).toBeNull()
      const notes = tallies?.get('notes') as ReadonlyMap<string, bigint> | undefined
      return [JSON.stringify(splitKey(key, view.key.length)), numbersOf(view, counts, notes)]
    }),
  )
}

function numbersOf(
  view: View,
  counts: Readonly<Record<string, bigint | null>>,
  notes: ReadonlyMap<string, bigint> = new Map(),
): Numbers {
  const hidden = view.counts.find(({ name }) => name.startsWith('rows'))!.stored
  const text = (name: string) => String(counts[name] ?? 0n)
  return {
    spent: text('spent'),
    longCount: text('longCount'),
    rowCount: text(hidden),
    notes: `${notes.get('x') ?? 0n} ${notes.get('y') ?? 0n}`,
  }
}

const whole: PageLimits = { keysMax: 100_000, rowsMax: 1_000_000 }

describe.each(shapes)('windows of $type, $length, by $by', (shape) => {
  const view = viewOf(shape)

  test.each([
    [100_000, 1_000_000],
    [7, 1_000_000],
    [100_000, 5],
    [3, 2],
  ])(
    'come in pages of %p keys and %p rows as SQL says',
    async (keysMax, rowsMax) => {
      const truth = await expected(shape)
      expect(truth.size).toBeGreaterThan(20)
      const { found, keys } = await walk(view, { keysMax, rowsMax })
      expect(told(view, found)).toEqual(truth)
      expect(found.length).toBe(truth.size)
      // All rows are counted, some of them, and those with a note.
      expect(keys).toBeLessThanOrEqual(keysMax * 3)
    },
    30_000,
  )

  test('are found by their keys, each row counted once, and what is no key is not there', async () => {
    const all = await walk(view, whole)
    const keys = all.found.map(([key]) => key)
    const garbage = [
      'no such',
      '2026-11-21T10:18:00.000000Z',
      'infinity',
      '1:infinity',
      '1:2026',
      '',
    ]
    const { entries } = await ask(view, keysQuery(view, [...keys, ...keys.slice(0, 5), ...garbage]))
    expect([...entries]).toEqual(all.found)
    expect((await ask(view, keysQuery(view, garbage))).entries.size).toBe(0)
  })

  test('fold to what SQL says', async () => {
    const table = `clicks_${shape.type}`
    const types = Object.entries(columnsOf(view, table))
    const texts = types.map(([name, type]) => `${typeOf(type).sql(`"${name}"`)} as "${name}"`)
    const { rows } = await client.query<Record<string, string | null>>(
      `select id::text as id, ${texts.join(', ')} from ${table}`,
    )
    const batch = consolidator()
    for (const row of rows) {
      const typed: Row = Object.fromEntries(
        Object.entries(row).map(([name, value]) => [
          name,
          value !== null && ['id', 'session', 'spent'].includes(name) ? BigInt(value) : value,
        ]),
      )
      const folded = fold(view, insert(table, { id: typed['id']! }, typed))
      if (folded.kind === 'unusable') throw new Error(folded.reason)
      batch.add(folded.contributions)
    }
    const found = batch
      .take()
      .map(({ entry, add, cells }) => [
        JSON.stringify(splitKey(entry, view.key.length)),
        numbersOf(view, add, cells?.get('notes')),
      ])
    expect(new Map(found as [string, Numbers][])).toEqual(await expected(shape))
  })
})

test('items of one entry are asked for within its window', async () => {
  const view = viewOf(shapes[0]!)
  const { found } = await walk(view, whole)
  const [entry, text] = found.find(([, each]) => each.includes('1:x') && each.includes('1:y'))!
  const query = itemRangeQuery(view, { entry, tally: 'notes' }, { after: undefined, itemsMax: 10 })
  const { rows } = await client.query<unknown[]>({ text: query, rowMode: 'array' })
  const { amounts } = readItems(view, 'notes', rows)
  expect(amounts).toEqual(decodeEntry(view.layout, text)!.tallies!.get('notes'))
})

test('no key of a view without owning rows is told by the age of a row', async () => {
  const view = viewOf(shapes[0]!)
  const { found } = await walk(view, whole)
  const keys = found.map(([key]) => key)
  const { rows } = await client.query(settledQuery(view, keys, 1_000_000n))
  expect(rows).toEqual([])
})

test('the first and the last window that Postgres knows are asked for like others', async () => {
  await client.query(`create table ends (id int primary key, at timestamptz);
    insert into ends values (1, '294276-12-31 23:59:59.999999+00'), (2, '4714-11-24 00:00:00+00 BC'),
      (3, '294276-12-31 00:00:00+00')`)
  const view = defineView({
    name: 'ends',
    key: { start: windowOf('timestamptz', '1000 days') },
    aggregates: { n: countOf('ends', { by: 'at' }) },
  })
  const { found } = await walk(view, { keysMax: 1, rowsMax: 1 })
  // 1,000 days before the first that are counted from 1970, there is no time yet.
  expect(found.map(([key]) => key)).toEqual([view.key.length === 1 ? found[0]![0] : ''])
  expect(found[0]![0]).toMatch(/^\+294\d\d\d-/)
  expect(found[0]![1]).toBe('-;2')
  expect([...(await ask(view, keysQuery(view, [found[0]![0]]))).entries]).toEqual(found)
  const minutes = defineView({
    name: 'ends',
    key: { start: windowOf('timestamptz', '5 minutes') },
    aggregates: { n: countOf('ends', { by: 'at' }) },
  })
  expect((await walk(minutes, { keysMax: 1, rowsMax: 1 })).found.map(([key]) => key)).toEqual([
    '-4713-11-24T00:00:00.000000Z',
    '+294276-12-31T00:00:00.000000Z',
    '+294276-12-31T23:55:00.000000Z',
  ])
})

describe('an index of what rows are counted by', () => {
  const view = defineView({
    name: 'big',
    key: { session: 'bigint', start: windowOf('timestamptz', '5 minutes') },
    aggregates: { clicks: countOf('big', { by: ['session', 'at'] }) },
  })

  beforeAll(async () => {
    await client.query(`create table big (id bigint primary key, session bigint, at timestamptz);
      insert into big select i, i % 300, '2026-11-21 00:00:00+00'::timestamptz + i * interval '1 s'
      from generate_series(1, 60000) i;
      create index on big (session, at); analyze big`)
  }, 60_000)

  async function plansOf({ prelude, statements }: TruthQuery): Promise<string> {
    for (const text of prelude) await client.query(text)
    const plans: string[] = []
    for (const text of statements) {
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(
        `explain (analyze, costs off, timing off, summary off, buffers off) ${text}`,
      )
      plans.push(rows.map((row) => row['QUERY PLAN']).join('\n'))
    }
    return plans.join('\n')
  }

  test('serves keys by a range of their times', async () => {
    const keys = Array.from({ length: 20 }, (_, at) =>
      spellKey([`${at}`, `2026-11-21T0${at % 9}:35:00.000000Z`])!,
    )
    const plan = await plansOf(keysQuery(view, keys))
    expect(plan).not.toMatch(/Seq Scan/)
    expect(plan).toMatch(/Index Cond: .*session = .* AND \(?\(?at >= .*at < /s)
    expect(plan).not.toMatch(/Rows Removed by/)
  })

  test('serves pages, which end before they have read what follows', async () => {
    const limits = { keysMax: 50, rowsMax: 1_000 }
    const first = await ask(view, rangeQuery(view, undefined, limits))
    for (const after of [undefined, first.last, String.raw`150:2026-11-21T05\:00\:00.000000Z`]) {
      const plan = await plansOf(rangeQuery(view, after, limits))
      expect(plan).not.toMatch(/Seq Scan on big/)
      const read = [...plan.matchAll(/Index.* on big.*actual rows=(\d+)/g)].map(([, rows]) =>
        Number(rows),
      )
      expect(Math.max(...read)).toBeLessThan(2_000)
      expect(plan).not.toMatch(/Rows Removed by/)
    }
  })
})

test('columns may have the names that a query uses itself', async () => {
  await client.query(`create table named (a0 int, a1 int, k0 int, n int, primary key (a0, a1));
    insert into named values (1, 1, 1, 1), (1, 2, 1, 1), (2, 2, 1, 1)`)
  const view = defineView({
    name: 'named',
    key: { one: 'integer', two: 'integer' },
    aggregates: {
      n: countOf('named', { by: ['a0', 'a1'] }),
      k: countOf('named', { by: ['k0', 'n'] }),
    },
  })
  expect([...(await ask(view, keysQuery(view, ['1:2', '1:1']))).entries]).toEqual([
    ['1:1', '-;1;3'],
    ['1:2', '-;1;0'],
  ])
})
