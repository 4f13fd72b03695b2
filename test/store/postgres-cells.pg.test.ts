import { randomBytes } from 'node:crypto'
import { Pool } from 'pg'
import { spellKey } from '../../src/entry-key.ts'
import type { Correction } from '../../src/store/audit.ts'
import { decodeEntry } from '../../src/store/entry-text.ts'
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts'
import type { ViewStore } from '../../src/store/store.ts'
import { until } from '../support/wait.ts'
import {
  add,
  cellsOf,
  put,
  tally,
  tallyLayout,
  unput,
  userLayout,
} from '../support/view-layouts.ts'
import { postgresHarness, type OpenedView, type PostgresHarness } from './postgres-harness.ts'
import {
  aBeginning,
  aCommit,
  aTurn,
  checkpointsOf,
  declared,
  offset,
  one,
  readerOf,
  serving,
  stateOf,
  storeForEachTest,
  texts,
} from './store-fixture.ts'
import { slices, tallied, told } from './tally-fixture.ts'

let harness: PostgresHarness
let store: ViewStore

const closeAfterwards = storeForEachTest(
  () => postgresHarness(),
  (...parts) => {
    ;[harness, store] = parts
  },
)

/** So each of these tests begins without it. */
afterEach(async () => {
  await harness.sql.query('drop table if exists user_information_cells, user_information')
})

async function open(view: OpenedView, options: { readonly readOnly?: boolean } = {}) {
  const client = await openPostgresStore({
    url: harness.url,
    view,
    callTimeoutMs: 5_000,
    ...options,
  })
  closeAfterwards(client)
  return client
}

async function there(table: string): Promise<boolean> {
  const { rows } = await harness.sql.query('select to_regclass($1) is not null as there', [table])
  return rows[0].there
}

/** Items as `first` has them, of a tally that has these. */
const firstOf = (items: readonly string[]) => items.map((item) => ({ item, amount: 1n }))
const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))
const refused = { code: 'store-layout', retriable: false }

describe('the table of tallies', () => {
  test('is one that people can query', async () => {
    await serving(store, [put('42')])
    await tallied(store, 10, [tally('42', { topArtists: { Abba: 2n }, hidden: { x: 1n } })])
    await tallied(store, 11, [tally('42', { hidden: { x: -1n } })])
    const { rows } = await harness.sql.query(
      'select user_id, tally, item, amount from user_information_cells',
    )
    expect(rows).toEqual([{ user_id: '42', tally: 'top_artists', item: 'Abba', amount: '2' }])
  })

  test('is not made for a view without tallies, and is there for many who need it at once', async () => {
    const epoch = await serving(store, [put('1')])
    await readerOf(store).read(['1'])
    await store.audit(userLayout).scan(undefined)
    await store.audit(userLayout).sweep(epoch, ['1'], ['hidden'])
    expect(await there('user_information_cells')).toBe(false)
    const clients = await Promise.all(Array.from({ length: 5 }, () => open(userLayout)))
    const looks = clients.map((client) => texts(client, ['2'], tallyLayout))
    expect(new Set((await Promise.all(looks)).flat()).size).toBe(1)
    expect(await there('user_information_cells')).toBe(true)
  })

  test('leaves no row of an entry of which only cells were ever touched', async () => {
    await serving(store)
    await tallied(store, 10, [tally('1', { hidden: { x: 1n } })])
    const { rowCount } = await harness.sql.query('select from user_information')
    expect(rowCount).toBe(0)
    await tallied(store, 11, [tally('1', { hidden: { x: -1n } })])
    expect((await harness.sql.query('select from user_information_cells')).rowCount).toBe(0)
  })

  test('takes no amount by hand that stores do not hold exactly', async () => {
    await serving(store)
    await tallied(store, 10, [tally('1', { hidden: { x: 1n } })])
    const altering = harness.sql.query('update user_information_cells set amount = 1::bigint << 53')
    await expect(altering).rejects.toMatchObject({ code: '23514' })
  })

  test.each([['tally'], ['item'], ['itemHash'], ['amount']])(
    'stands beside a key that has a part %s',
    async (part) => {
      const key = [
        { name: part, type: 'text' as const },
        { name: `${part}_`, type: 'text' as const },
      ]
      const layout = { ...tallyLayout, name: 'odd-keys', key }
      const client = await open(layout)
      try {
        const entry = spellKey(['a', 'b'])!
        const epoch = (await client.coordination.open(aBeginning()))!
        const cells = { hidden: { x: 2n } }
        const mutations = [tally(entry, cells)]
        await client.writer(layout).commit(aCommit(epoch, { mutations }))
        expect(await told(client, entry, layout)).toEqual(cellsOf(cells))
        expect((await client.audit(layout).scan(undefined)).keys).toEqual([entry])
      } finally {
        await harness.sql.query('drop table odd_keys, odd_keys_cells')
      }
    },
  )
})

test('a row that says nothing goes when cells of its entry are touched', async () => {
  await serving(store)
  await harness.sql.query(
    'insert into user_information (user_id, like_count) values (1, 0), (2, 0)',
  )
  await tallied(store, 10, [tally('1', { hidden: { x: 1n } })])
  const { rows } = await harness.sql.query('select user_id from user_information')
  expect(rows).toEqual([{ user_id: '2' }])
  expect(await told(store, '1')).toEqual(cellsOf({ hidden: { x: 1n } }))
})

test('items of any length are told apart, in the order of their bytes', async () => {
  await serving(store, [put('1')])
  const start = '😀'.repeat(200)
  const random = randomBytes(60_000).toString('base64')
  const long = ['', 'a', 'b', `${random}a`, `${random}b`].map((end) => `${start}${end}`)
  const items = [...long, 'x'.repeat(199), 'x'.repeat(200), 'x'.repeat(201)].toSorted(byBytes)
  const cells = Object.fromEntries(items.map((item) => [item, 1n]))
  const given = { firstListens: cells, lastListens: cells, topArtists: cells }
  for (const at of [10, 11]) expect(await tallied(store, at, [tally('1', given)])).toMatchObject({})
  const back = { firstListens: cells, lastListens: cells }
  const negated = Object.fromEntries(items.map((item) => [item, -1n]))
  await tallied(store, 12, [tally('1', { firstListens: negated, lastListens: negated })])
  expect(await told(store, '1')).toEqual(
    cellsOf({ ...back, topArtists: Object.fromEntries(items.map((item) => [item, 2n])) }),
  )
  expect(await slices(store, '1')).toMatchObject({
    firstListens: firstOf(items).slice(0, 2),
    lastListens: firstOf(items).slice(-2).toReversed(),
    topArtists: items.slice(0, 3).map((item) => ({ item, amount: 2n })),
  })
  const { epoch } = await stateOf(store)
  const audit = store.tallies(tallyLayout)
  const question = { epoch, entry: '1', tally: 'topArtists', ticket: undefined }
  const asked = [items[0]!, `${random}c`, items.at(-1)!]
  expect(await audit.look({ ...question, items: asked })).toMatchObject({
    amounts: new Map([
      [items[0], 2n],
      [items.at(-1), 2n],
    ]),
  })
  const found = new Set((await audit.scan('1', 'topArtists', undefined)).keys)
  expect(found).toEqual(new Set(items))
  const after = await Promise.all(
    items.map(async (item) => (await audit.scan('1', 'topArtists', item)).keys.length),
  )
  expect(after.toSorted((a, b) => a - b)).toEqual(items.map((_, index) => index))
})

test('what is no text of Postgres, or no key of the view, finds no item', async () => {
  const epoch = await serving(store)
  await tallied(store, 10, [tally('1', { hidden: { x: 1n } })])
  const tallies = store.tallies(tallyLayout)
  const question = { epoch, tally: 'hidden', ticket: 't' }
  const looked = await tallies.look({ ...question, entry: '1', items: ['x', 'x\0'] })
  expect(looked).toMatchObject({ kind: 'items', amounts: new Map([['x', 1n]]) })
  const other = await tallies.look({ ...question, entry: '01', items: ['x'] })
  expect(other).toMatchObject({ kind: 'items', amounts: new Map() })
  expect(await tallies.scan('01', 'hidden', undefined)).toEqual({ keys: [], cursor: undefined })
})

describe('a table in its place', () => {
  const key = 'user_id bigint not null'
  const own = 'tally text collate "C" not null, item text collate "C" not null'
  const rest = 'item_hash bytea not null, amount bigint not null'
  const check = 'constraint amount_in_range check (true)'
  const index = 'create unique index on user_information_cells'
  const unique = '(user_id, tally, left(item, 200), item_hash)'
  const table = (columns: string, indexed = `${index} ${unique}`) =>
    `create table user_information_cells (${columns}); ${indexed}`

  test.each([
    ['with another key', table(`${key.replace('bigint', 'text')}, ${own}, ${rest}, ${check}`)],
    ['without a column', table(`${key}, ${own}, item_hash bytea not null, ${check}`)],
    ['whose amounts may be null', table(`${key}, ${own}, ${rest.slice(0, -9)}, ${check}`)],
    ['of another order', table(`${key}, ${own.replaceAll('"C"', '"POSIX"')}, ${rest}, ${check}`)],
    ['without its check', table(`${key}, ${own}, ${rest}`)],
    ['without its index', table(`${key}, ${own}, ${rest}, ${check}`, '')],
    [
      'with an index of some rows',
      table(`${key}, ${own}, ${rest}, ${check}`, `${index} ${unique} where amount > 0`),
    ],
    [
      'with an index of shorter items',
      table(`${key}, ${own}, ${rest}, ${check}`, `${index} ${unique.replace('200', '20')}`),
    ],
  ])('%s is refused, and nothing is written', async (_, create) => {
    await serving(store, [put('1')])
    await harness.sql.query(create)
    const commit = tallied(store, 10, [{ ...unput('1'), cells: cellsOf({ hidden: { x: 1n } }) }])
    const message = expect.stringContaining('"user_information_cells" has no')
    await expect(commit).rejects.toMatchObject({ ...refused, message })
    expect((await checkpointsOf(store)).get('users/0')?.next).toBe(offset(10))
    expect(await one(store, '1')).toBeDefined()
  })

  test('as this one is made is taken', async () => {
    await serving(store, [put('1')])
    await harness.sql.query(table(`${key}, ${own}, ${rest}, ${check}, note text`))
    const cells = { hidden: { x: 1n } }
    await tallied(store, 10, [tally('1', cells)])
    expect(await told(store, '1')).toEqual(cellsOf(cells))
  })

  test('that holds the entries of another view is refused, and so is its own for that view', async () => {
    const other = { ...userLayout, name: 'user-information-cells' }
    await serving(store)
    await open(other)
    await expect(tallied(store, 10, [])).rejects.toMatchObject(refused)
    await harness.sql.query('drop table user_information_cells')
    await tallied(store, 10, [])
    await expect(open(other)).rejects.toMatchObject(refused)
  })
})

describe('when a view', () => {
  test('gets its first tallies, it stands as it is, and readers of them wait', async () => {
    await serving(store, [put('1')])
    const reader = store.reader(tallyLayout, 'd2')
    const building = { kind: 'unavailable', phase: 'building' }
    expect(await reader.read(['1'])).toEqual(building)
    const { declarations, epoch } = await stateOf(store)
    const second = { ...declared, id: 'd2' }
    await store.coordination.turn(aTurn(epoch, { declarations: [...declarations, second] }))
    expect(await reader.read(['1'])).toEqual(building)
    await tallied(store, 10, [tally('1', { topArtists: { Abba: 1n } })])
    expect((await one(store, '1'))?.key).toBe('1')
    const { epoch: turned, pass: before } = await stateOf(store)
    const step = { epoch: turned, before, after: '2', ended: [], completed: ['d2'] }
    await store.audit(tallyLayout).progress(step)
    expect(await reader.read(['1'])).toMatchObject({
      entries: [{ slices: { topArtists: [{ item: 'Abba', amount: 1n }] } }],
    })
  })

  test('has lost the table of its tallies, it is begun anew', async () => {
    await serving(store, [put('1')])
    await tallied(store, 10, [tally('1', { hidden: { x: 1n } })])
    await harness.sql.query('drop table user_information_cells')
    const commit = tallied(store, 11, [tally('1', { hidden: { x: 1n } })])
    await expect(commit).rejects.toMatchObject({ code: 'store-type', retriable: false })
    await expect(slices(store, '1')).rejects.toMatchObject({ code: 'store-type' })
    const client = await open(userLayout)
    const found = await client.writer(tallyLayout).commit(aCommit((await stateOf(store)).epoch))
    expect(found).toEqual({ kind: 'conflict', found: undefined })
    expect(await client.watchable.state()).toBeUndefined()
  })

  test('is begun beside a table of tallies and loses that, it is begun anew again', async () => {
    await serving(store)
    await tallied(store, 10, [tally('1', { hidden: { x: 1n } })])
    await harness.loseState()
    await serving(store, [put('1')])
    await harness.sql.query('drop table user_information_cells')
    const client = await open(userLayout)
    await client.audit(tallyLayout).scan(undefined)
    expect(await client.watchable.state()).toBeUndefined()
  })

  test('of a later declaration has tallies no more, their cells are found and swept', async () => {
    const epoch = await serving(store)
    await tallied(store, 10, [tally('1', { hidden: { x: 1n }, topArtists: { y: 1n } })])
    const audit = (await open(userLayout)).audit(userLayout)
    expect((await audit.scan(undefined)).keys).toEqual(['1'])
    expect(await audit.sweep(epoch, ['1'], ['hidden', 'topArtists'])).toBe(true)
    expect((await harness.sql.query('select from user_information_cells')).rowCount).toBe(0)
  })
})

test('the tickets of a row and of its amounts are left and used up apart', async () => {
  const epoch = await serving(store, [put('1')])
  await tallied(store, 10, [tally('1', { hidden: { x: 1n } })])
  const audit = store.audit(tallyLayout)
  const question = { epoch, entry: '1', tally: 'hidden', items: ['x'] }
  const lookAtBoth = async () => {
    await audit.look({ epoch, keys: ['1'], ticket: 't' })
    await store.tallies(tallyLayout).look({ ...question, ticket: 'u' })
  }
  const row = { ...put('1', { name: 'Ada' }) }
  const amounts = { ...add('1', { likeCount: 1n }), cells: cellsOf({ hidden: { x: 1n } }) }
  const correct = async (ticket: string, correction: Correction) => {
    const result = await audit.correct({ epoch, ticket, corrections: [correction] })
    return result.kind === 'applied' && result.lost.length === 0
  }
  await lookAtBoth()
  expect(await correct('t', amounts)).toBe(false)
  await lookAtBoth()
  const rowFirst = [
    await correct('t', row),
    await correct('u', amounts),
    await correct('u', amounts),
  ]
  expect(rowFirst).toEqual([true, true, false])
  await lookAtBoth()
  const rowLast = [await correct('u', amounts), await correct('t', row), await correct('t', row)]
  expect(rowLast).toEqual([true, true, false])
  expect(await told(store, '1')).toEqual(cellsOf({ hidden: { x: 3n } }))
  expect((await one(store, '1'))?.counts.likeCount).toBe(2n)
  expect((await harness.sql.query('select from millrace.tickets')).rowCount).toBe(0)
})

test('more cells are swept than are removed at once', async () => {
  const epoch = await serving(store)
  await tallied(store, 10, [tally('1', { topArtists: { x: 1n } })])
  await harness.sql.query(`insert into user_information_cells
    select 1 + n % 2, 'hidden', n, '', 1 from generate_series(1, 25000) as n`)
  expect(await store.audit(tallyLayout).sweep(epoch, ['1', '2', '3'], ['hidden'])).toBe(true)
  const { rows } = await harness.sql.query('select tally, item from user_information_cells')
  expect(rows).toEqual([{ tally: 'top_artists', item: 'x' }])
})

test('a reader makes no table, and compares with none', async () => {
  await serving(store, [put('1')])
  const reader = await open(userLayout, { readOnly: true })
  await expect(texts(reader, ['1'], tallyLayout)).rejects.toMatchObject(refused)
  expect(await there('user_information_cells')).toBe(false)
  await tallied(store, 10, [tally('1', { hidden: { x: 1n } })])
  expect(await told(reader, '1')).toEqual(cellsOf({ hidden: { x: 1n } }))
})

describe('a role', () => {
  const url = () => {
    const changed = new URL(harness.url)
    changed.username = 'tallies_of_test'
    changed.password = 'x'
    return changed.href
  }

  async function asAdmin(text: string) {
    const database = new URL(harness.server.url)
    database.pathname = new URL(harness.url).pathname
    const admin = new Pool({ connectionString: database.href })
    await admin.query(text).finally(() => admin.end())
  }

  beforeEach(async () => {
    await asAdmin(`create role tallies_of_test login password 'x';
      grant usage on schema millrace to tallies_of_test;
      grant select on all tables in schema millrace to tallies_of_test`)
  })

  afterEach(async () => {
    await asAdmin('drop owned by tallies_of_test; drop role tallies_of_test')
  })

  async function openAs() {
    const client = await openPostgresStore({
      url: url(),
      view: userLayout,
      callTimeoutMs: 5_000,
      readOnly: true,
    })
    closeAfterwards(client)
    return client
  }

  test('needs SELECT on it to read tallies, and can change nothing', async () => {
    const epoch = await serving(store, [put('1')])
    await tallied(store, 10, [tally('1', { topArtists: { Abba: 1n } })])
    await asAdmin('grant select on user_information to tallies_of_test')
    const reader = await openAs()
    expect(await slices(reader, '1', userLayout)).toBeUndefined()
    const denied = { code: 'store-refused', hint: expect.stringContaining('SELECT') }
    await expect(slices(reader, '1')).rejects.toMatchObject(denied)
    await asAdmin('grant select on user_information_cells to tallies_of_test')
    expect((await slices(reader, '1'))?.topArtists).toEqual([{ item: 'Abba', amount: 1n }])
    const sweep = reader.audit(tallyLayout).sweep(epoch, ['1'], ['topArtists'])
    await expect(sweep).rejects.toMatchObject({ code: 'store-refused', retriable: false })
  })

  test('that does not own it can not keep the view, which is named', async () => {
    await serving(store)
    await tallied(store, 10, [])
    expect(await store.faults()).toEqual([])
    await asAdmin('alter table user_information_cells owner to tallies_of_test')
    expect(await store.faults()).toMatchObject([
      { what: expect.stringMatching(/does not own .*"user_information_cells"/) },
    ])
  })
})

test('cells are found by their keys however large a tally has grown', async () => {
  const epoch = await serving(store, [put('1'), put('2')])
  const client = await harness.open()
  const items = Array.from({ length: 50 }, (_, index) => `i${index}`)
  const cells = Object.fromEntries(items.map((item) => [item, 1n]))
  let at = 10
  const use = async () => {
    // After some runs a statement has one plan for whatever is asked.
    for (let times = 0; times < 7; times++) {
      await tallied(client, at++, [tally('1', { topArtists: cells, lastListens: cells })])
      await slices(client, '1')
      await texts(client, ['1', '2'], tallyLayout)
      const tallies = client.tallies(tallyLayout)
      await tallies.look({ epoch, entry: '1', tally: 'topArtists', items, ticket: 't' })
      await client.audit(tallyLayout).scan(undefined)
      const added = Object.fromEntries(items.map((item) => [`${item} of ${at}`, 1n]))
      const gone = Object.fromEntries(items.map((item) => [`${item} of ${at}`, -1n]))
      await tallied(client, at++, [tally('1', { topArtists: added })])
      await tallied(client, at++, [tally('1', { topArtists: gone })])
    }
  }
  await use()
  await harness.sql.query(`alter table user_information_cells set (autovacuum_enabled = false);
    insert into user_information_cells
    select 1, tally, 'grown ' || n, '', 1
    from generate_series(1, 60000) as n, unnest(array['top_artists', 'last_listens']) as tally`)
  const before = await rowsRead()
  await use()
  const [text] = await texts(client, ['1'], tallyLayout)
  expect(decodeEntry(tallyLayout, text!)?.tallies?.get('topArtists')).toBe('large')
  await client.close()
  await until('the statistics', async () => (await rowsRead()) > before)
  // A look reads a little more than a thousand cells of each of these tallies.
  expect((await rowsRead()) - before).toBeLessThan(7 * 2 * 2_000)
})

/** Postgres tells of what a connection has read when the connection has ended. */
async function rowsRead(): Promise<number> {
  await harness.sql.query('select pg_stat_clear_snapshot()')
  const { rows } = await harness.sql.query<{ read: string }>(
    `select seq_tup_read + (select sum(idx_tup_read) from pg_stat_user_indexes i
       where i.relid = t.relid) as read
     from pg_stat_user_tables t where relname = 'user_information_cells'`,
  )
  return Number(rows[0]!.read)
}
