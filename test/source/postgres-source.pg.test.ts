import { readFile } from 'node:fs/promises'
import { Client } from 'pg'
import { parseLsn } from '../../src/position.ts'
import type { Page, Source } from '../../src/source/source.ts'
import { parseTransactionId, sees } from '../../src/transaction.ts'
import { countOf, defineView, from } from '../../src/view/define-view.ts'
import { userInformation } from '../../examples/social/user-information.ts'
import { sleep, until } from '../support/wait.ts'
import { sourceFixture, type SourceFixture } from './source-fixture.ts'

let fixture: SourceFixture
let admin: Client
let source: Source

beforeAll(async () => {
  fixture = await sourceFixture()
  admin = fixture.admin
  source = fixture.open()
  await admin.query(`select pg_create_logical_replication_slot('decoded', 'test_decoding')`)
  await admin.query(
    `insert into users (user_id, username) select i, 'user ' || i from generate_series(1, 10) i`,
  )
  await admin.query('insert into follows select i, 1 from generate_series(2, 6) i')
}, 60_000)

afterAll(() => fixture?.close())

const all: Page = { kind: 'range', after: undefined, keysMax: 1_000 }
const refused = { code: 'source-refused', waitsForPeople: true }
const busy = { code: 'source-busy', retriable: true }

async function one<T>(client: Client, statement: string): Promise<T> {
  const { rows } = await client.query<{ value: T }>(statement)
  return rows[0]!.value
}

/** What the log says, one line a record, since it was last asked. */
async function decoded(): Promise<string[]> {
  const { rows } = await admin.query<{ data: string }>(
    `select data from pg_logical_slot_get_changes('decoded', null, null)`,
  )
  return rows.map(({ data }) => data)
}

const nextId = () => one<string>(admin, 'select pg_current_xact_id()::text as value')

describe('a marker', () => {
  test('stands in the log as its own transaction, with its text, and the next one behind it', async () => {
    await decoded()
    const [text, next] = [`it's \\ "a" marker`, `and 'another'`]
    const marked = await source.mark(text, next)
    const low = BigInt.asUintN(32, marked.transaction)
    const message = (content: string) =>
      `message: transactional: 1 prefix: millrace, sz: ${content.length} content:${content}`
    expect(await decoded()).toEqual([
      `BEGIN ${low}`,
      message(text),
      `COMMIT ${low}`,
      `BEGIN ${low + 1n}`,
      message(next),
      `COMMIT ${low + 1n}`,
    ])
  })

  test('stands behind what was committed before, and sees it', async () => {
    const before = parseLsn(
      await one<string>(admin, 'select pg_current_wal_insert_lsn()::text as value'),
    )
    await admin.query('begin')
    const earlier = parseTransactionId(await nextId())
    await admin.query(`update users set name = 'x' where user_id = 1; commit`)
    const between = parseLsn(
      await one<string>(admin, 'select pg_current_wal_insert_lsn()::text as value'),
    )
    const marked = await source.mark('x', 'y')
    expect(between).toBeGreaterThan(before)
    expect(marked.lsn).toBeGreaterThanOrEqual(between)
    expect(marked.transaction).toBeGreaterThan(earlier)
    expect(sees(marked.snapshot, Number(earlier))).toBe(true)
    expect(sees(marked.snapshot, Number(marked.transaction))).toBe(false)
    expect(marked.history).toMatch(/^\d{10,}\/1$/)
    expect(Math.abs(marked.nowMs - Date.now())).toBeLessThan(60_000)
  })

  test('waits for standbys although its role commits without', async () => {
    await admin.query('alter role millrace set synchronous_commit = off')
    await admin.query(`alter system set synchronous_standby_names = 'nobody'`)
    await admin.query('select pg_reload_conf(); set synchronous_commit = local')
    try {
      const hasty = fixture.open({ callTimeoutMs: 500 })
      const away = { code: 'source-unavailable', retriable: true }
      await until('the setting is known', () =>
        hasty.mark('x', 'y').then(
          () => false,
          () => true,
        ),
      )
      await expect(hasty.mark('x', 'y')).rejects.toMatchObject(away)
    } finally {
      await admin.query('alter system reset synchronous_standby_names')
      await admin.query('select pg_reload_conf(); reset synchronous_commit')
      await admin.query('alter role millrace reset synchronous_commit')
    }
  }, 30_000)

  test('waits for no page of truth', async () => {
    await admin.query('begin; lock table users in access exclusive mode')
    const patient = fixture.open({ lockTimeoutMs: 5_000, callTimeoutMs: 500 })
    const pages = Promise.allSettled(
      Array.from({ length: 8 }, () => patient.truth(userInformation, all, 'm')),
    )
    await expect(patient.mark('x', 'y')).resolves.toMatchObject({
      history: expect.any(String) as string,
    })
    await admin.query('rollback')
    const settled = await pages
    expect(settled.every(({ status }) => status === 'fulfilled')).toBe(true)
  })
})

describe('the truth of a page', () => {
  test('holds entries, rows and the set-up at one snapshot', async () => {
    const truth = await source.truth(userInformation, all, 'm')
    expect(truth.entries.size).toBe(10)
    expect(truth.entries.get('1')).toMatch(/^\+1:16:user 1.*;0;0;5;0$/s)
    expect(truth).toMatchObject({ rows: 20, last: undefined, heldBackBy: [] })
    expect(truth.horizon).toBe(truth.snapshot.xmax)
    const moment = await source.moment(userInformation)
    expect(truth.setup).toBe(moment.setup)
    expect(truth.history).toBe(moment.history)
  })

  test('is the whole by pages, and the same by keys', async () => {
    const whole = await source.truth(userInformation, all, 'm')
    const found: [string, string][] = []
    let after: string | undefined
    do {
      const page = await source.truth(userInformation, { kind: 'range', after, keysMax: 3 }, 'm')
      found.push(...page.entries)
      after = page.last
    } while (after !== undefined)
    expect(found).toEqual([...whole.entries])
    const keys = [...whole.entries.keys(), 'garbage', '404']
    const { entries } = await source.truth(userInformation, { kind: 'keys', keys }, 'm')
    expect(entries).toEqual(whole.entries)
  })

  test('is older than its marker', async () => {
    await decoded()
    const { snapshot } = await source.truth(userInformation, all, 'my marker')
    const log = await decoded()
    expect(log).toHaveLength(3)
    expect(log[1]).toContain('content:my marker')
    expect(sees(snapshot, Number(log[0]!.split(' ')[1]))).toBe(false)
  })

  test('does not see what is committed later, nor half of a transaction', async () => {
    const writer = await fixture.session()
    await writer.query(`begin; insert into users (user_id, username) values (77, 'a')`)
    const id = Number(await one<string>(writer, 'select pg_current_xact_id()::text as value'))
    const before = await source.truth(userInformation, all, 'm')
    await writer.query('commit')
    const after = await source.truth(userInformation, all, 'm')
    expect([before.entries.has('77'), sees(before.snapshot, id)]).toEqual([false, false])
    expect([after.entries.has('77'), sees(after.snapshot, id)]).toEqual([true, true])
    await writer.query('delete from users where user_id = 77')
  })

  test('takes its locks before its snapshot, for TRUNCATE empties a table for older ones too', async () => {
    await admin.query(
      'create table emptied (id bigint primary key); insert into emptied values (1)',
    )
    await admin.query('grant select on emptied to millrace')
    const view = defineView({
      name: 'emptied',
      key: { id: 'bigint' },
      row: from('emptied', { key: 'id', fields: {} }),
    })
    const patient = fixture.open({ lockTimeoutMs: 5_000 })
    await admin.query('begin; truncate emptied')
    const id = Number(await nextId())
    const asked = patient.truth(view, all, 'm')
    await until('it waits for the lock', async () => {
      const waits = `select count(*)::int as value from pg_locks where not granted`
      return (await one<number>(admin, waits)) === 1
    })
    await admin.query('commit')
    const { entries, snapshot } = await asked
    expect(entries.size).toBe(0)
    expect(sees(snapshot, id)).toBe(true)
  })

  test('is given up soon when a lock is not to be had, and holds up nobody', async () => {
    await admin.query('begin; alter table users add column later int')
    const begun = performance.now()
    await expect(source.truth(userInformation, all, 'm')).rejects.toMatchObject(busy)
    expect(performance.now() - begun).toBeLessThan(1_500)
    await admin.query('rollback')
    await expect(source.truth(userInformation, all, 'm')).resolves.toMatchObject({ rows: 20 })
  })

  test('is given up when a statement takes too long', async () => {
    await admin.query('create table slow (id bigint primary key)')
    await admin.query(
      'insert into slow select generate_series(1, 300000); grant select on slow to millrace',
    )
    const view = defineView({
      name: 'slow',
      key: { id: 'bigint' },
      row: from('slow', { key: 'id', fields: {} }),
      aggregates: { some: countOf('slow', { by: 'id' }) },
    })
    const hasty = fixture.open({ pageTimeoutMs: 5, pageRowsMax: 1_000_000 })
    const page: Page = { kind: 'range', after: undefined, keysMax: 300_000 }
    await expect(hasty.truth(view, page, 'm')).rejects.toMatchObject(busy)
    const patient = fixture.open({ pageRowsMax: 1_000_000 })
    await expect(patient.truth(view, page, 'm')).resolves.toMatchObject({ rows: 600_000 })
  })

  test('is not given where a policy would hide rows', async () => {
    await admin.query('alter table likes enable row level security')
    try {
      const unfit = { code: 'source-unfit', retriable: true }
      await expect(source.truth(userInformation, all, 'm')).rejects.toMatchObject(unfit)
      await admin.query('alter role millrace bypassrls')
      await expect(source.truth(userInformation, all, 'm')).resolves.toMatchObject({ rows: 20 })
    } finally {
      await admin.query(
        'alter role millrace nobypassrls; alter table likes disable row level security',
      )
    }
  })

  test('is not asked of a database in another encoding than UTF8', async () => {
    await admin.query(`create database latin encoding latin1 locale 'C' template template0`)
    const url = fixture.server.url.replace(/\/[^/]*$/, '/latin')
    const client = new Client(url)
    await client.connect()
    await client.query('create table a (id bigint primary key)')
    await client.end()
    const latin = fixture.open({ url })
    const view = defineView({
      name: 'a',
      key: { id: 'bigint' },
      row: from('a', { key: 'id', fields: {} }),
    })
    await expect(latin.truth(view, all, 'm')).rejects.toMatchObject({
      code: 'source-unfit',
      message: expect.stringMatching(/encoded in LATIN1/) as string,
    })
    const faults = await latin.faults([view])
    expect(faults.map(({ what }) => what)).toContainEqual(
      expect.stringMatching(/encoded in LATIN1/),
    )
  })
})

describe('the set-up', () => {
  test('is told while somebody alters a partition', async () => {
    await admin.query(`create table parted (id bigint primary key) partition by range (id);
      create table parted_1 partition of parted for values from (0) to (10)`)
    const view = defineView({
      name: 'parted',
      key: { id: 'bigint' },
      row: from('parted', { key: 'id', fields: {} }),
    })
    await admin.query('begin; lock table parted_1 in access exclusive mode')
    try {
      const { setup } = await source.moment(view)
      expect(JSON.parse(setup)).toMatchObject({
        tables: { parted: { files: expect.anything() as unknown } },
      })
      await expect(source.faults([view])).resolves.not.toEqual([])
    } finally {
      await admin.query('rollback')
    }
  })
})

describe('a role with settings of its own', () => {
  test('is given the same truth', async () => {
    const truth = await source.truth(userInformation, all, `a 'marker' \\ and more`)
    await admin.query(`alter role millrace set standard_conforming_strings = off;
      alter role millrace set client_encoding = 'latin1'; alter role millrace set datestyle = 'SQL, DMY';
      alter role millrace set timezone = 'Asia/Kathmandu'; alter role millrace set bytea_output = 'escape';
      alter role millrace set default_transaction_read_only = on;
      alter role millrace set default_transaction_isolation = 'serializable';
      alter role millrace set search_path = ''`)
    await admin.query(`update users set name = 'Ümläut 漢' where user_id = 2`)
    try {
      const odd = fixture.open()
      const page = await odd.truth(userInformation, all, `a 'marker' \\ and more`)
      expect(page.entries.get('2')).toContain('12:Ümläut 漢')
      expect(new Map([...page.entries].filter(([key]) => key !== '2'))).toEqual(
        new Map([...truth.entries].filter(([key]) => key !== '2')),
      )
      await decoded()
      await odd.mark(`it's \\ here`, `and 'here'`)
      expect((await decoded())[1]).toContain(`content:it's \\ here`)
      expect(await odd.faults([userInformation])).toHaveLength(0)
    } finally {
      await admin.query('alter role millrace reset all')
    }
  })
})

describe('keys that are asked about again', () => {
  test('are all but those whose row has stood since before', async () => {
    const since = parseTransactionId(await nextId())
    await admin.query(`update users set name = 'new' where user_id = 4`)
    await admin.query(`insert into users (user_id, username) values (11, 'new')`)
    const keys = ['3', '4', '11', '404', 'garbage', '05', '5', '3']
    expect(await source.unsettled(userInformation, keys, since)).toEqual([
      '4',
      '11',
      '404',
      'garbage',
      '05',
    ])
    expect(await source.unsettled(userInformation, [], since)).toEqual([])
    const future = parseTransactionId(String(BigInt(await nextId()) + 100n))
    expect(await source.unsettled(userInformation, keys, future)).toEqual(keys)
    await admin.query('delete from users where user_id = 11')
  })
})

describe('the slot', () => {
  test('is told with what is kept for it', async () => {
    expect(await source.slot()).toBeUndefined()
    const named = fixture.open({ slot: 'kept' })
    await admin.query(`select pg_create_logical_replication_slot('kept', 'pgoutput')`)
    const before = await named.slot()
    expect(before).toMatchObject({ active: false, walStatus: 'reserved' })
    await admin.query(`select pg_logical_emit_message(true, 'x', repeat('x', 100000))`)
    expect((await named.slot())!.walBytes - before!.walBytes).toBeGreaterThan(100_000)
  })
})

describe('the right to compare at full pace', () => {
  test('is had by one at a time, until it is given back', async () => {
    const first = await source.fullPace()
    expect(first?.lost.aborted).toBe(false)
    expect(await fixture.open().fullPace()).toBeUndefined()
    await first!.release()
    expect(first!.lost.aborted).toBe(true)
    const second = await fixture.open().fullPace()
    expect(second).toBeDefined()
    await second!.release()
  })

  test('is shared by two views of a process, of which the last one gives it back', async () => {
    const [first, second] = await Promise.all([source.fullPace(), source.fullPace()])
    expect([first?.lost.aborted, second?.lost.aborted]).toEqual([false, false])
    expect(await source.fullPace()).toBeUndefined()
    await first!.release()
    await first!.release()
    expect([first!.lost.aborted, second!.lost.aborted]).toEqual([true, false])
    expect(await fixture.open().fullPace()).toBeUndefined()
    const third = await source.fullPace()
    expect(third).toBeDefined()
    await second!.release()
    expect(await fixture.open().fullPace()).toBeUndefined()
    await third!.release()
    const next = await source.fullPace()
    expect(next).toBeDefined()
    await next!.release()
    const other = await fixture.open().fullPace()
    expect(other).toBeDefined()
    await other!.release()
  })

  test('is had by nobody of a process while another process has it', async () => {
    const theirs = await fixture.open().fullPace()
    expect(await Promise.all([source.fullPace(), source.fullPace()])).toEqual([
      undefined,
      undefined,
    ])
    await theirs!.release()
    const mine = await source.fullPace()
    expect(mine).toBeDefined()
    await mine!.release()
  })

  test('ends with its session', async () => {
    const mine = await source.fullPace()
    const ended = `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'millrace full pace'`
    await admin.query(ended)
    await until('it is told', () => mine!.lost.aborted)
    expect(await source.fullPace()).toBeUndefined()
    await mine!.release()
    await until('another gets it', async () => {
      const next = await source.fullPace()
      await next?.release()
      return next !== undefined
    })
  })

  test('is had with a session of which the server asks within seconds whether its host is there', async () => {
    const mine = await source.fullPace()
    const asked = `select client_port from pg_stat_activity where application_name = 'millrace full pace'`
    const { rows } = await admin.query<{ client_port: number }>(asked)
    const serverPort = Number(new URL(fixture.url).port)
    const isWatched = async () => (await keepaliveMs(serverPort, rows[0]!.client_port)) <= 10_000
    await until('it is asked for signs of life within ten seconds', isWatched, 5_000)
    await mine!.release()
  })

  test('is not had where the source refuses', async () => {
    const url = new URL(fixture.url)
    url.password = 'wrong'
    const stranger = fixture.open({ url: url.href })
    // What was refused holds nobody's place.
    for (let time = 0; time < 3; time += 1) {
      await expect(stranger.fullPace()).rejects.toMatchObject(refused)
    }
    await sleep(0)
  })
})

/** Milliseconds until the kernel asks the other end of a connection for a sign of life. */
async function keepaliveMs(ownPort: number, otherPort: number): Promise<number> {
  const hex = (port: number) => port.toString(16).toUpperCase().padStart(4, '0')
  const lines = (await readFile('/proc/net/tcp', 'utf8')).split('\n')
  const found = lines
    .map((line) => line.trim().split(/\s+/))
    .find(
      ([, own, other]) =>
        own?.endsWith(`:${hex(ownPort)}`) && other?.endsWith(`:${hex(otherPort)}`),
    )
  const [timer, hundredths] = found![5]!.split(':')
  return timer === '02' ? Number.parseInt(hundredths!, 16) * 10 : Infinity
}
