import { SourceDatabase, type Rows } from '../../src/source/source-database.ts'
import { tcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/wait.ts'
import { sourceFixture, type SourceFixture } from './source-fixture.ts'

const away = { code: 'source-unavailable', retriable: true }
const busy = { code: 'source-busy', retriable: true }
const unfit = { code: 'source-unfit', retriable: true }
const refused = { code: 'source-refused', waitsForPeople: true }

const bounds = { messageTimeoutMs: 1_000, connectTimeoutMs: 3_000 }

let fixture: SourceFixture
let database: SourceDatabase

beforeAll(async () => {
  fixture = await sourceFixture()
}, 60_000)

afterAll(() => fixture?.close())

beforeEach(() => {
  database = new SourceDatabase({ url: fixture.url, ...bounds, connectionsMax: 4 })
})

afterEach(() => database.close())

async function value(statement: string): Promise<unknown> {
  const [[[found]]] = (await database.run([statement])) as [[[unknown]]]
  return found
}

const pid = () => value('select pg_backend_pid()') as Promise<number>

test('statements of one message answer each for itself', async () => {
  const answers: Rows[] = await database.run([
    'begin',
    'select 1, null',
    'select where false',
    'commit',
  ])
  expect(answers).toEqual([[], [[1, null]], [], []])
  const groups = await database.runGroups([['select 1', 'select 2'], [], ['select 3']])
  expect(groups).toEqual([[[[1]], [[2]]], [], [[[3]]]])
})

test('what failed half way leaves nothing behind, and no session in the middle of it', async () => {
  const half = ['begin', `select pg_logical_emit_message(true, 'x', 'y')`, 'select 1 / 0']
  await expect(database.run(half)).rejects.toMatchObject(refused)
  expect(await value('select pg_current_xact_id_if_assigned() is null')).toBe(true)
  expect(
    await value("select count(*)::int from pg_stat_activity where state like 'idle in%'"),
  ).toBe(0)
})

test.each([
  ['a missing table', 'select from nothing'],
  ['a missing column', 'select nothing from users'],
  ['a right that is missing', 'delete from users'],
  ['a schema that is missing', `select 'nothing.at_all'::regclass`],
])('%s waits for somebody to mend the set-up', async (_, statement) => {
  await expect(database.run([statement])).rejects.toMatchObject(unfit)
})

test('a wrong password is refused, and does not stand in what is said of it', async () => {
  const url = new URL(fixture.url)
  url.password = 'open sesame'
  const other = new SourceDatabase({ url: url.href, ...bounds, connectionsMax: 1 })
  const error: unknown = await other.run(['select 1']).catch((reason: unknown) => reason)
  expect(error).toMatchObject(refused)
  expect(JSON.stringify([error, String(error), String((error as Error).cause)])).not.toContain(
    'sesame',
  )
  await other.close()
})

test('a lock that is not to be had in time means busy', async () => {
  await fixture.admin.query('begin; lock table tweets in access exclusive mode')
  try {
    await expect(value('select count(*) from tweets')).rejects.toMatchObject(busy)
    const short = ['begin', `set local lock_timeout = 10`, 'lock table tweets in access share mode']
    await expect(database.run(short)).rejects.toMatchObject(busy)
  } finally {
    await fixture.admin.query('rollback')
  }
  expect(await value('select count(*)::int from tweets')).toBe(0)
})

test('a session that hangs is given up, and the next message takes another', async () => {
  const hanging = await pid()
  process.kill(hanging, 'SIGSTOP')
  try {
    await expect(value('select 1')).rejects.toMatchObject(away)
    expect(await pid()).not.toBe(hanging)
  } finally {
    process.kill(hanging, 'SIGCONT')
  }
})

test('a connection that is cut under a message rejects it, and ends nothing else', async () => {
  const proxy = await tcpProxy(fixture.url)
  const url = proxy.through(fixture.url)
  const cut = new SourceDatabase({ url, ...bounds, connectionsMax: 1 })
  const uncaught: unknown[] = []
  const onUncaught = (error: unknown) => void uncaught.push(error)
  process.on('uncaughtException', onUncaught)
  try {
    await cut.run(['select 1'])
    const answer = cut.run(['select pg_sleep(0.5)'])
    const gone = expect(answer).rejects.toMatchObject(away)
    proxy.cut()
    await gone
    expect(await cut.run(['select 1'])).toEqual([[[1]]])
    expect(uncaught).toEqual([])
  } finally {
    process.off('uncaughtException', onUncaught)
    await cut.close()
    await proxy.stop()
  }
})

test('many at once wait for a session for longer than one message may take', async () => {
  const slow = Array.from({ length: 10 }, () => value('select pg_sleep(0.7)'))
  const results = await Promise.allSettled(slow)
  expect(results.filter(({ status }) => status === 'rejected')).toEqual([])
})

describe('a commit that waits for a standby', () => {
  const commit = ['begin', `select pg_logical_emit_message(true, 'x', 'y')`, 'commit']

  beforeEach(async () => {
    await fixture.admin.query(`alter system set synchronous_standby_names = 'nobody'`)
    await fixture.admin.query('select pg_reload_conf()')
  })

  afterEach(async () => {
    await fixture.admin.query('alter system reset synchronous_standby_names')
    await fixture.admin.query('select pg_reload_conf()')
  })

  test('is not answered for while it waits', async () => {
    await until('the server waits for a standby', () => waitsForStandby())
    await expect(database.run(commit)).rejects.toMatchObject(away)
  }, 30_000)

  test('is not taken for durable when somebody ends the waiting', async () => {
    await until('the server waits for a standby', () => waitsForStandby())
    let ended = false
    const error = database.run(commit).catch((reason: unknown) => {
      ended = true
      return reason
    })
    await until('the waiting is ended', async () => {
      await fixture.admin.query(
        `select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'`,
      )
      return ended
    })
    const notReplicated = { ...away, message: expect.stringContaining('standby') as string }
    expect(await error).toMatchObject(notReplicated)
  }, 30_000)

  /** Sessions hear of the new setting one by one. */
  async function waitsForStandby(): Promise<boolean> {
    return (await value('show synchronous_standby_names')) === 'nobody'
  }
})

test('a source that is away says so, and answers when it is back', async () => {
  await value('select 1')
  await fixture.server.kill()
  await expect(value('select 1')).rejects.toMatchObject(away)
  await fixture.server.start()
  await until('the source answers', () =>
    value('select 1').then(
      () => true,
      () => false,
    ),
  )
}, 30_000)
