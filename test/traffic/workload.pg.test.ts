import { Client } from 'pg'
import { hostileWeights } from '../../src/traffic/operations.ts'
import { Population } from '../../src/traffic/population.ts'
import { Random } from '../../src/random.ts'
import { Tally } from '../../src/traffic/tally.ts'
import { ensureUsers } from '../../src/traffic/users.ts'
import { runWorkload } from '../../src/traffic/workload.ts'
import { postgresServer, type TestServer } from '../support/chain.ts'

let server: TestServer
let url: string

beforeAll(async () => {
  server = await postgresServer()
  url = server.chain.env.MILLRACE_SOURCE_APP ?? ''
}, 60_000)

afterAll(async () => {
  await server?.stop()
}, 30_000)

const hostile = { weights: hostileWeights, rate: undefined, connections: 4 }

test('people that are missing are made, once', async () => {
  const population = new Population(2_500)
  expect(await ensureUsers(url, { random: new Random(1), population })).toBe(2_500)
  expect(await ensureUsers(url, { random: new Random(1), population })).toBe(0)
})

test('hostile traffic does every kind of thing, and rows changed are counted', async () => {
  const tally = await runWorkload(url, {
    ...hostile,
    random: new Random(11),
    population: new Population(60),
    operationsMax: 4_000,
    signal: AbortSignal.timeout(60_000),
  })
  expect(tally.operations).toBe(4_000)
  expect(tally.connectionsLost).toBe(0)
  expect(tally.refusals).toBeLessThan(400)
  for (const [kind, { rows }] of tally.rowsByKind) {
    if (kind === 'rollback') expect(rows).toBe(0)
    else expect([kind, rows > 0]).toEqual([kind, true])
  }
  expect([...tally.rowsByKind.keys()].toSorted()).toEqual(Object.keys(hostileWeights).toSorted())
}, 90_000)

test('the pace is kept, and what is counted is what the database has written', async () => {
  const client = new Client({ connectionString: url })
  await client.connect()
  const written = async () => {
    const sums = await client.query(
      'select sum(n_tup_ins + n_tup_upd + n_tup_del)::int as rows from pg_stat_user_tables',
    )
    return Number(sums.rows[0].rows)
  }
  try {
    const before = await settled(written)
    const began = performance.now()
    const tally = await runWorkload(url, {
      random: new Random(5),
      population: new Population(2_500),
      weights: { ...hostileWeights, rollback: 0, savepoint: 0, many: 0 },
      rate: 300,
      // Alone: what others are in the way of would be counted by the server, and not by us.
      connections: 1,
      signal: AbortSignal.timeout(3_000),
    })
    const rate = tally.rows / ((performance.now() - began) / 1_000)
    expect(rate).toBeGreaterThan(180)
    expect(rate).toBeLessThan(350)
    expect((await settled(written)) - before).toBe(tally.rows)
  } finally {
    await client.end()
  }
}, 30_000)

test('a restarted database is lived in on', async () => {
  const tally = new Tally()
  const stop = new AbortController()
  const running = runWorkload(url, {
    ...hostile,
    rate: 200,
    random: new Random(2),
    population: new Population(100),
    signal: stop.signal,
    tally,
  })
  try {
    await eventually(() => Promise.resolve(tally.rows > 50))
    await server.kill()
    await server.start()
    const rows = tally.rows
    expect(await eventually(() => Promise.resolve(tally.rows > rows + 50))).toBe(true)
    expect(tally.connectionsLost).toBeGreaterThan(0)
  } finally {
    stop.abort()
    await running
  }
}, 60_000)

/** The server's statistics arrive a little after a connection's end. */
async function settled(count: () => Promise<number>): Promise<number> {
  let last = -1
  for (let now = await count(); now !== last; now = await count()) {
    last = now
    await new Promise((resolve) => setTimeout(resolve, 1_200))
  }
  return last
}

async function eventually(holds: () => Promise<boolean>): Promise<boolean> {
  for (let tries = 0; tries < 200; tries += 1) {
    if (await holds()) return true
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return false
}
