import { Client } from 'pg'
import { activityStatements, pendingOf, readActivity } from '../../src/source/horizon.ts'
import { SourceDatabase } from '../../src/source/source-database.ts'
import type { Source, Truth } from '../../src/source/source.ts'
import { parseSnapshot } from '../../src/transaction.ts'
import { defineView, from } from '../../src/view/define-view.ts'
import { userInformation } from '../../examples/social/user-information.ts'
import { until } from '../support/wait.ts'
import { sourceFixture, type SourceFixture } from './source-fixture.ts'

let fixture: SourceFixture
let source: Source
let hidden: Source
const open: Client[] = []

beforeAll(async () => {
  // A transaction of autovacuum's own would count for the moment that it takes.
  const settings = { max_prepared_transactions: '5', autovacuum: 'off' }
  fixture = await sourceFixture({ settings })
  const { admin } = fixture
  await admin.query('grant pg_read_all_stats to millrace')
  await admin.query(`create role short_sighted login password 'x'`)
  await admin.query('grant select on users, tweets, follows, likes to short_sighted')
  const url = new URL(fixture.url)
  url.username = 'short_sighted'
  url.password = 'x'
  source = fixture.open()
  hidden = fixture.open({ url: url.href })
  await admin.query('create table elsewhere (id bigint)')
  await admin.query('create database other')
}, 60_000)

afterAll(() => fixture?.close())

afterEach(async () => {
  for (const client of open.splice(0)) client.end().catch(() => undefined)
  await until('nobody is in a transaction', async () => {
    const { rowCount } = await fixture.admin.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where backend_xid is not null and pid <> pg_backend_pid()`,
    )
    return rowCount === 0
  })
})

type Open = { readonly client: Client; readonly pid: number; readonly id: bigint }

/** A transaction that has written a row of `users`, unless told otherwise. */
async function transaction(
  write = `insert into users (user_id, username) values (-floor(random() * 1e9), 'x')`,
  client?: Client,
): Promise<Open> {
  const own = client ?? (await fixture.session('batch job'))
  open.push(own)
  await own.query('begin')
  await own.query(write)
  const { rows } = await own.query<{ pid: number; id: string }>(
    'select pg_backend_pid() as pid, pg_current_xact_id()::text as id',
  )
  return { client: own, pid: rows[0]!.pid, id: BigInt(rows[0]!.id) }
}

/** Keeps its session at work until the test has ended it. */
function busy({ client }: Open, statement = 'select pg_sleep(60)'): void {
  client.query(statement).catch(() => undefined)
}

async function active(pid: number): Promise<void> {
  await until('it is at work', async () => {
    const { rows } = await fixture.admin.query<{ state: string }>(
      'select state from pg_stat_activity where pid = $1',
      [pid],
    )
    return rows[0]?.state === 'active'
  })
}

/** A snapshot lists as in progress only what began before another transaction has ended. */
async function ask(of = source): Promise<Truth> {
  await fixture.admin.query('select pg_current_xact_id()')
  return of.truth(userInformation, { kind: 'keys', keys: ['1'] }, 'm')
}

test('nothing is held back where nobody is in a transaction', async () => {
  const { snapshot, horizon, heldBackBy } = await ask()
  expect(horizon).toBe(snapshot.xmax)
  expect(heldBackBy).toEqual([])
})

test('a session at work holds it back at its transaction, and is named', async () => {
  const earlier = await transaction()
  const later = await transaction()
  busy(later)
  busy(earlier)
  await active(later.pid)
  await active(earlier.pid)
  const { horizon, heldBackBy, nowMs } = await ask()
  expect(horizon).toBe(earlier.id)
  const words = heldBackBy.map((each) =>
    /^session (\d+) of postgres \(batch job\), active, in transaction (\d+) since (.*)$/.exec(
      each,
    )!,
  )
  expect(words.map((each) => each.slice(1, 3))).toEqual([
    [String(earlier.pid), String(earlier.id)],
    [String(later.pid), String(later.id)],
  ])
  expect(nowMs - Date.parse(words[0]![3]!)).toBeLessThan(30_000)
})

test('a session that idles in its transaction has not begun to commit', async () => {
  const idle = await transaction()
  const aborted = await transaction()
  await aborted.client.query('select 1 / 0').catch(() => undefined)
  const { snapshot, horizon, heldBackBy } = await ask()
  expect(snapshot.inProgress).toContain(idle.id)
  expect([horizon, heldBackBy]).toEqual([snapshot.xmax, []])
  // Nor has a savepoint's.
  await idle.client.query(`savepoint a; insert into users (user_id, username) values (-3, 'x')`)
  expect((await ask()).heldBackBy).toEqual([])
})

test('a role that may not see states takes an idle transaction for one at work', async () => {
  const idle = await transaction()
  const { horizon, heldBackBy } = await ask(hidden)
  expect(horizon).toBe(idle.id)
  expect(heldBackBy).toEqual([expect.stringMatching(/pg_read_all_stats/)])
})

test('a transaction of another database does not count', async () => {
  const other = new Client(fixture.server.url.replace(/\/[^/]*$/, '/other'))
  await other.connect()
  const elsewhere = await transaction('create table t (i int)', other)
  busy(elsewhere)
  await active(elsewhere.pid)
  const { snapshot, horizon, heldBackBy } = await ask()
  expect(snapshot.inProgress).toContain(elsewhere.id)
  expect([horizon, heldBackBy]).toEqual([snapshot.xmax, []])
})

describe('an old transaction at work', () => {
  /** Enough others for it to be looked at more closely. */
  async function grow(): Promise<void> {
    await fixture.admin.query(
      `do $$ begin for i in 1..1100 loop perform pg_current_xact_id(); commit; end loop; end $$`,
    )
  }

  test('does not count when it has locked none of the tables', async () => {
    const bystander = await transaction('insert into elsewhere values (1)')
    await bystander.client.query('select count(*) from users')
    busy(bystander)
    await active(bystander.pid)
    expect((await ask()).horizon).toBe(bystander.id)
    await grow()
    const { snapshot, horizon, heldBackBy } = await ask()
    expect(snapshot.inProgress).toContain(bystander.id)
    expect([horizon, heldBackBy]).toEqual([snapshot.xmax, []])
    expect((await ask(hidden)).horizon).toBeGreaterThan(bystander.id)
  })

  test.each([
    ['written to one', `insert into likes (user_id, tweet_id) select 1, 1 where false`],
    ['locked one', 'lock table follows in share row exclusive mode'],
  ])('counts when it has %s', async (_, statement) => {
    const batch = await transaction(statement)
    busy(batch)
    await active(batch.pid)
    await grow()
    const { horizon, heldBackBy } = await ask()
    expect(horizon).toBe(batch.id)
    expect(heldBackBy).toHaveLength(1)
  })

  test('counts when it has written to a partition', async () => {
    await fixture.admin.query(`create table parted (id bigint primary key) partition by range (id);
      create table parted_1 partition of parted for values from (0) to (10);
      grant select on parted to millrace`)
    const view = defineView({
      name: 'parted',
      key: { id: 'bigint' },
      row: from('parted', { key: 'id', fields: {} }),
    })
    const batch = await transaction('insert into parted_1 values (1)')
    busy(batch)
    await active(batch.pid)
    await grow()
    const { horizon } = await source.truth(view, { kind: 'keys', keys: ['1'] }, 'm')
    expect(horizon).toBe(batch.id)
  })
})

describe('a prepared transaction', () => {
  async function prepared(name: string): Promise<bigint> {
    const { client, id } = await transaction()
    await client.query(`prepare transaction '${name}'`)
    return id
  }

  afterEach(async () => {
    const { rows } = await fixture.admin.query<{ gid: string }>('select gid from pg_prepared_xacts')
    for (const { gid } of rows) {
      await fixture.admin.query(`rollback prepared '${gid}'`).catch(() => undefined)
    }
  })

  test('does not count while nobody commits one', async () => {
    const id = await prepared('one')
    const worker = await transaction('select 1')
    busy(worker)
    await active(worker.pid)
    const { snapshot, horizon, heldBackBy } = await ask()
    expect(snapshot.inProgress).toContain(id)
    expect(horizon).toBe(worker.id)
    expect(heldBackBy).toHaveLength(1)
  })

  test.each([
    'commit prepared',
    'COMMIT PREPARED',
    ' /* a comment */ commit /**/ prepared',
    '; commit prepared',
  ])('counts while one is being committed by %j', async (statement) => {
    const id = await prepared('two')
    await fixture.admin.query(`alter system set synchronous_standby_names = 'nobody'`)
    await fixture.admin.query('select pg_reload_conf()')
    try {
      const committer = await fixture.session('committer')
      await until('commits wait', async () => {
        const { rows } = await committer.query<{ synchronous_standby_names: string }>(
          'show synchronous_standby_names',
        )
        return rows[0]!.synchronous_standby_names === 'nobody'
      })
      const { rows } = await committer.query<{ pid: number }>('select pg_backend_pid() as pid')
      const committing = committer.query(`${statement} 'two'`).catch(() => undefined)
      await active(rows[0]!.pid)
      // The marker would wait as well: what is asked behind it is asked here alone.
      const database = new SourceDatabase({
        url: fixture.server.url.replace(/\/[^/]*$/, '/millrace'),
        connectionsMax: 1,
        messageTimeoutMs: 5_000,
        connectTimeoutMs: 5_000,
      })
      await fixture.admin.query('begin; select pg_current_xact_id(); rollback')
      const [[[[text]]], answers] = (await database.runGroups([
        ['select pg_current_snapshot()::text'],
        activityStatements,
      ])) as unknown as [[[[string]]], never]
      await database.close()
      const pending = pendingOf(parseSnapshot(text), readActivity(answers))
      expect(pending).toEqual([
        { id, holder: expect.objectContaining({ harmless: false }) as unknown },
      ])
      await fixture.admin.query('select pg_cancel_backend($1)', [rows[0]!.pid])
      await committing
    } finally {
      await fixture.admin.query('alter system reset synchronous_standby_names')
      await fixture.admin.query('select pg_reload_conf()')
    }
  })

  test('counts for a role that may not see what others do', async () => {
    const id = await prepared('three')
    const { horizon, heldBackBy } = await ask(hidden)
    expect(horizon).toBe(id)
    expect(heldBackBy).toEqual([
      expect.stringMatching(/^prepared transaction 'three' of postgres since /),
    ])
  })
})
