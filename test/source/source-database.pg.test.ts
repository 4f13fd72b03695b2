import { Client } from 'pg'
import { SourceDatabase } from '../../src/source/source-database.ts'
import { postgresServer, type TestServer } from '../support/chain.ts'
import { until } from '../support/wait.ts'

const callTimeoutMs = 1_000
const away = { code: 'source-unavailable', retriable: true }
let server: TestServer
let admin: Client
let source: SourceDatabase

beforeAll(async () => {
  server = await postgresServer()
  await connect()
  await admin.query('insert into users (user_id, username) values (1, $1), ($2, $1)', ['ada', big])
  await admin.query('insert into follows values (1, $1)', [big])
}, 60_000)

afterAll(async () => {
  await admin?.end()
  await server?.stop()
})

beforeEach(() => {
  const url = server.chain.env.MILLRACE_SOURCE ?? ''
  source = new SourceDatabase({ url, callTimeoutMs })
})

afterEach(async () => {
  await source.close()
})

/** A double would take it for its neighbour. */
const big = 9_007_199_254_740_993n

async function connect(): Promise<void> {
  admin = new Client(server.url.replace(/\/[^/]*$/, '/millrace'))
  // The server is killed beneath it.
  admin.on('error', () => undefined)
  await admin.connect()
}

test('missing tells the keys that no row has, also of two columns and of 64 bits', async () => {
  const users = [{ user_id: 1n }, { user_id: 2n }, { user_id: big }, { user_id: big - 1n }]
  expect(await source.missing('users', users)).toEqual([1, 3])
  const follow = (follower_id: bigint, followee_id: bigint) => ({ follower_id, followee_id })
  const follows = [follow(big, 1n), follow(1n, big), follow(1n, 1n)]
  expect(await source.missing('follows', follows)).toEqual([0, 2])
  expect(await source.missing('likes', [])).toEqual([])
  await expect(source.missing('nothing', users)).rejects.toMatchObject({ code: 'no-primary-key' })
})

test('a marker stands behind what was committed before, and before the end', async () => {
  const before = await source.end()
  await admin.query(`update users set name = 'x' where user_id = 1`)
  const between = await source.end()
  const marker = await source.mark()
  expect(between).toBeGreaterThan(before)
  expect(marker).toBeGreaterThanOrEqual(between)
  expect(await source.end()).toBeGreaterThanOrEqual(marker)
})

test('what may not be asked is refused, and is not worth another try', async () => {
  const refused = { code: 'source-refused', retriable: false }
  await expect(source.query('delete from users')).rejects.toMatchObject(refused)
})

test('a question that waits for a lock ends in time', async () => {
  await source.missing('tweets', [{ tweet_id: 1n }])
  await admin.query('begin; lock table tweets in access exclusive mode')
  try {
    await expect(source.missing('tweets', [{ tweet_id: 1n }])).rejects.toMatchObject(away)
  } finally {
    await admin.query('rollback')
  }
  expect(await source.missing('tweets', [{ tweet_id: 1n }])).toEqual([0])
})

test('a connection that hangs is given up, and the next question takes another', async () => {
  const pid = await pidOf(source)
  process.kill(pid, 'SIGSTOP')
  try {
    await expect(source.mark()).rejects.toMatchObject(away)
    expect(await source.end()).toBeGreaterThan(0n)
    expect(await pidOf(source)).not.toBe(pid)
  } finally {
    process.kill(pid, 'SIGCONT')
  }
})

test('many at once wait for a connection for longer than one question may take', async () => {
  const slow = Array.from({ length: 10 }, () => source.query('select pg_sleep(0.7)'))
  const results = await Promise.allSettled(slow)
  expect(results.filter(({ status }) => status === 'rejected')).toEqual([])
})

test('a source that is away says so, and answers when it is back', async () => {
  await source.mark()
  await server.kill()
  await expect(source.mark()).rejects.toMatchObject(away)
  await expect(source.missing('users', [{ user_id: 1n }])).rejects.toMatchObject(away)
  await server.start()
  await until('the source answers', () =>
    source.mark().then(
      () => true,
      () => false,
    ),
  )
  await connect()
}, 30_000)

async function pidOf(database: SourceDatabase): Promise<number> {
  const [row] = await database.query<{ pid: number }>('select pg_backend_pid() as pid')
  return row!.pid
}
