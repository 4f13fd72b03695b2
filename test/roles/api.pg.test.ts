import { Pool } from 'pg'
import { systemClock } from '../../src/clock.ts'
import { readConfig } from '../../src/config.ts'
import { keptDeclaration, ownView } from '../../src/coordinate/view-plan.ts'
import { randomPorts } from '../../src/dev/ports.ts'
import { parseKafkaOffset, parseLsn } from '../../src/position.ts'
import { runApi } from '../../src/roles/api.ts'
import type { ViewStore } from '../../src/store/store.ts'
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts'
import { parseSnapshot, parseTransactionId } from '../../src/transaction.ts'
import { userInformation } from '../../examples/social/user-information.ts'
import { postgresServer, type TestServer } from '../support/chain.ts'
import { put } from '../support/view-layouts.ts'
import { until } from '../support/wait.ts'

const timeoutMs = 120_000
const partition = { topic: 'users', partition: 0 }
const start = parseKafkaOffset('10')
const { layout, name, key } = userInformation

let server: TestServer
let sql: Pool
beforeAll(async () => {
  server = await postgresServer()
  sql = new Pool({ connectionString: server.chain.env.MILLRACE_POSTGRES, max: 1 })
}, timeoutMs)
afterAll(async () => {
  await sql?.end()
  await server?.stop()
}, 30_000)

test(
  'the API waits for what a worker makes, makes none of it, and serves by the URL of its store alone',
  async () => {
    const ports = await randomPorts()
    const storeUrl = server.chain.env.MILLRACE_POSTGRES!
    const config = readConfig({
      MILLRACE_API_PORT: String(ports.api),
      MILLRACE_LOG_LEVEL: 'fatal',
      MILLRACE_READ_FROM: 'postgres',
      MILLRACE_POSTGRES: storeUrl,
      MILLRACE_SOURCE: `postgres://nobody@127.0.0.1:${ports.postgres}/none`,
      MILLRACE_KAFKA: `127.0.0.1:${ports.kafka}`,
      MILLRACE_REDIS: `redis://127.0.0.1:${ports.redis}`,
    })
    const url = `http://127.0.0.1:${ports.api}`
    const end = new AbortController()
    const project = { config, views: [userInformation], path: undefined }
    const running = runApi(project, end.signal)
    let store: ViewStore | undefined
    try {
      await until('it names what is missing', async () =>
        (await bodyOf(`${url}/ready`)).includes('no schema millrace'),
      )
      expect(await tables()).toBe(0)
      store = await openPostgresStore({ url: storeUrl, view: { name, key }, callTimeoutMs: 5_000 })
      await until('it waits for the view', async () =>
        (await bodyOf(`${url}/ready`)).includes('has not been begun'),
      )
      await serve(store)
      await until('it is ready', async () => (await fetch(`${url}/ready`)).status === 200)
      const answer = await fetch(`${url}/users/1`)
      expect(answer.status).toBe(200)
      expect(answer.headers.get('millrace-watermark')).toBe('0/9')
      expect(await answer.json()).toMatchObject({ userId: '1', username: 'ada', tweetCount: 0 })
    } finally {
      end.abort()
      await store?.close()
    }
    await running
  },
  timeoutMs,
)

async function bodyOf(url: string): Promise<string> {
  return fetch(url).then(
    (answer) => answer.text(),
    () => '',
  )
}

/** How many tables are there that could be Millrace's. */
async function tables(): Promise<number> {
  const { rows } = await sql.query<{ count: number }>(
    `select count(*)::int as count from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname in ('millrace', 'public') and c.relkind = 'r'`,
  )
  return rows[0]!.count
}

/** The view, complete, with one user in it. */
async function serve(store: ViewStore): Promise<void> {
  const declaration = keptDeclaration(ownView(userInformation), { declarations: [] })
  const ends = new Map([['users/0', start]])
  const checkpoint = { next: start, last: undefined, windowFrom: start, keySchema: undefined }
  const barrier = {
    number: 1,
    lsn: parseLsn('0/9'),
    transaction: parseTransactionId('7'),
    snapshot: parseSnapshot('7:7:'),
    history: '1/1',
    from: ends,
    ends,
    takenAtMs: systemClock.wallMs(),
  }
  const epoch = await store.coordination.open({
    declaration,
    topics: { users: 1 },
    checkpoints: new Map([['users/0', checkpoint]]),
    fingerprint: '{}',
    barrier,
  })
  const mutations = [put('1')]
  const batch = { epoch: epoch!, partition, from: start, to: checkpoint, parked: [], doubts: [] }
  await store.writer(layout).commit({ ...batch, mutations })
  const completed = [declaration.id]
  const step = { epoch: epoch!, before: undefined, after: '{}', ended: [], completed }
  await store.audit(layout).progress(step)
  await store.coordination.advance(epoch!, barrier, 0)
}
