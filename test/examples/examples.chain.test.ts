/**
 * The examples on the real chain, one after another: rows that were there before, traffic in the middle
 * of which the views are begun, worker and Redis killed, and in the end every answer as SQL has it.
 */
import { Redis } from 'ioredis'
import { readFileSync } from 'node:fs'
import { Client } from 'pg'
import motorsConfig from '../../examples/motors/millrace.config.ts'
import { motors } from '../../examples/motors/application.ts'
import musicConfig from '../../examples/music/millrace.config.ts'
import { music } from '../../examples/music/application.ts'
import playConfig from '../../examples/play/millrace.config.ts'
import { play } from '../../examples/play/application.ts'
import shopConfig from '../../examples/shop/millrace.config.ts'
import { shop } from '../../examples/shop/application.ts'
import socialConfig from '../../examples/social/millrace.config.ts'
import { change, fill, type Application } from '../../examples/generator.ts'
import { callsOf } from '../../src/bench/redis-memory.ts'
import { exampleNamed } from '../../src/dev/examples.ts'
import type { Chain } from '../../src/dev/chain.ts'
import { startRole } from '../../src/dev/start-role.ts'
import { Random } from '../../src/random.ts'
import { decodePass } from '../../src/reconcile/pass-state.ts'
import { hostileWeights } from '../../src/traffic/operations.ts'
import { Population } from '../../src/traffic/population.ts'
import { ensureUsers } from '../../src/traffic/users.ts'
import { runWorkload } from '../../src/traffic/workload.ts'
import { chainTimeoutMs, startTestChain, stopTestChain } from '../support/chain.ts'
import { seedOfRun } from '../support/seed.ts'
import { slowness, sleep, until } from '../support/wait.ts'
import { motorsTruth, preferencesTruth } from './truth/motors.ts'
import { musicTruth, recommendedTruth } from './truth/music.ts'
import { playTruth } from './truth/play.ts'
import { shopTruth } from './truth/shop.ts'
import { socialTruth } from './truth/social.ts'
import type { Truth } from './truth/truth.ts'

const applications: Readonly<Record<string, Application>> = { music, motors, play, shop }
const configs = {
  social: socialConfig,
  music: musicConfig,
  motors: motorsConfig,
  play: playConfig,
  shop: shopConfig,
}
const names = Object.keys(configs)
const viewsOf: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  Object.entries(configs).map(([name, { views }]) => [name, views.map((view) => view.name)]),
)
const truths: Readonly<Record<string, (client: Client) => Promise<Truth>>> = {
  social: socialTruth,
  music: musicTruth,
  motors: motorsTruth,
  play: playTruth,
  shop: shopTruth,
}

const whileWorkerIsDown: Readonly<Record<string, () => Promise<void>>> = {
  motors: async () => {
    const response = await fetch(`${chain.urls.api}/preferences/1?days=60`)
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ userId: '1', make: expect.any(Array) as unknown })
  },
}

const rows = 1_000
const changesPerSecond = 50
const users = 200
const builtWithinMs = 60_000 * slowness
const storyTimeoutMs = 150_000 * slowness
const equalWithinMs = 60_000 * slowness
const seed = seedOfRun()

let chain: Chain
let client: Client
let redis: Redis

beforeAll(async () => {
  process.stdout.write(`examples: seed ${seed}\n`)
  chain = await startTestChain({
    config: new URL('../support/examples.config.ts', import.meta.url).pathname,
    init: names.map((name) => exampleNamed(name).init[0]!),
    api: true,
    roleEnv: {
      MILLRACE_API_OPERATORS: 'on',
      MILLRACE_LEASE_MS: '1500',
      MILLRACE_BARRIER_INTERVAL_MS: '300',
      MILLRACE_BARRIER_IDLE_MS: '600',
    },
  })
  client = new Client({ connectionString: chain.urls.source })
  client.on('error', () => undefined)
  await client.connect()
  redis = new Redis(chain.urls.redis, { maxRetriesPerRequest: null })
  redis.on('error', () => undefined)
  for (const application of Object.values(applications)) {
    await fill(client, application, { seed, size: rows })
  }
  // More items than one look takes.
  await client.query(
    `insert into listens select -n, 123456, n, n % 7, n % 3, timestamptz '2026-01-01' + n * interval '1 s'
     from generate_series(1, 2500) n`,
  )
  // Rated to the microsecond a month after the film was seen, and one less and one more.
  await client.query(
    `insert into ratings select 123456, movie_id, 3, at - interval '30 days' - n * interval '1 us', at
     from (select movie_id, row_number() over () % 3 - 1 as n, timestamptz '2026-03-01Z' as at
       from movies limit 9) m`,
  )
  const people = { random: new Random(seed), population: new Population(users) }
  await ensureUsers(chain.urls.source, people)
}, chainTimeoutMs)

afterAll(async () => {
  redis?.disconnect()
  await client?.end()
  if (chain) await stopTestChain(chain)
})

describe.each(names)('%s', (name) => {
  const views = viewsOf[name]!
  const worker = `worker-${name}`

  afterAll(async () => {
    await chain.kill(worker)
    chain.forget(worker)
  })

  test(
    'views begun in the middle of traffic serve, and nothing is wrong after kills of worker and Redis',
    async () => {
      const stop = new AbortController()
      const traffic = trafficOf(name, stop.signal)
      startRole(chain, { name: worker, args: ['worker', '--view', views.join(',')] })
      await until('every view is built', () => areBuilt(views), builtWithinMs)
      await sleep(1_000)
      await chain.kill(worker)
      await sleep(500)
      await whileWorkerIsDown[name]?.()
      chain.startAgain(worker)
      await sleep(2_000)
      await chain.kill('redis')
      await chain.start('redis')
      await sleep(2_000)
      stop.abort()
      expect(await traffic).toBeGreaterThan(100)
      await untilPassed(views)
      expect(await Promise.all(views.map(wrongIn))).toEqual(views.map(() => 0))
      // Rows with zeros and nulls were deleted and updated: that the log gave them whole is known.
      expect(readFileSync(chain.processes.logPath(worker), 'utf8')).not.toContain('unusable-change')
    },
    storyTimeoutMs,
  )

  test(
    'every answer is what SQL says',
    async () => {
      const truth = await truths[name]!(client)
      expect(truth.size).toBeGreaterThan(100)
      const wrong: unknown[] = []
      for (const [path, body] of truth) {
        const found = await answer(path)
        if (JSON.stringify(sorted(found)) !== JSON.stringify(sorted(body))) {
          wrong.push({ path, found, body })
        }
      }
      expect(wrong.slice(0, 3)).toEqual([])
    },
    equalWithinMs,
  )
})

test('social, music and play: what SQL has no row of is 404', async () => {
  const gone = [
    '/users/999999999',
    '/listeners/999999999',
    '/minutes/1/1999-01-01T00:00:00.000000Z',
  ]
  for (const path of gone) expect((await fetch(chain.urls.api + path)).status).toBe(404)
})

test.each(['Artists', 'Albums', 'Tracks'] as const)(
  'music: %s are recommended as the same walks over the tables recommend them, with their names',
  async (kind) => {
    let recommended = 0
    for (const user of ['1', '2', '3', '19']) {
      const found = (await answer(`/listeners/${user}?budgetMs=1000`)) as Record<string, unknown>
      const truth = await recommendedTruth(client, user, kind)
      expect([user, found[`recommended${kind}`]]).toEqual([user, truth])
      expect(found.rounds).toBe(2)
      recommended += truth.length
    }
    expect(recommended).toBeGreaterThan(10)
  },
)

test(
  'play: what a session does within two seconds is written together',
  async () => {
    const worker = 'worker-play'
    startRole(chain, { name: worker, args: ['worker', '--view', viewsOf.play!.join(',')] })
    try {
      const insert = (id: number) =>
        client.query(`insert into clicks values ($1, 987654321, 'jump', '2026-01-01 00:00:30Z')`, [
          id,
        ])
      await insert(9_000_000)
      await untilPassed(viewsOf.play!)
      const before = await callsOf(redis, 'hincrby')
      const startedMs = Date.now()
      for (let id = 9_000_001; id <= 9_000_020; id += 1) {
        await insert(id)
        await sleep(50)
      }
      const lingers = Math.ceil((Date.now() - startedMs) / 2_000)
      await untilPassed(viewsOf.play!)
      // Of two views, whose topic has four partitions: each writes at once, and once after each wait.
      const writes = (await callsOf(redis, 'hincrby')) - before
      expect(writes).toBeGreaterThan(0)
      expect(writes).toBeLessThanOrEqual(2 * 4 * (1 + lingers))
    } finally {
      await chain.kill(worker)
      chain.forget(worker)
    }
  },
  storyTimeoutMs,
)

test('motors: what a user prefers is what SQL decays and normalises to', async () => {
  const today = new Date().toISOString().slice(0, 10)
  for (const user of ['1', '2', '7']) {
    const truth = await preferencesTruth(client, user, today)
    const path = `/preferences/${user}?days=30&halfLife=7d&until=${today}`
    const found = (await answer(path)) as Record<string, { value: string; share: number }[]>
    for (const [dimension, shares] of Object.entries(truth)) {
      const told = Object.fromEntries(found[dimension]!.map(({ value, share }) => [value, share]))
      expect([dimension, Object.keys(told).toSorted()]).toEqual([
        dimension,
        Object.keys(shares).toSorted(),
      ])
      for (const [value, share] of Object.entries(shares)) {
        expect(Math.abs(told[value]! - share)).toBeLessThan(0.000_002)
      }
    }
  }
})

test.each([
  ['days=30', 200],
  ['until=2026-02-28', 200],
  ['until=2026-02-31', 400],
  ['days=0x10', 400],
])('motors: /preferences/1?%s is answered with %d', async (query, status) => {
  expect((await fetch(`${chain.urls.api}/preferences/1?${query}`)).status).toBe(status)
})

// The last one, for it takes away what the others need.
test('motors: preferences are served on while worker, Kafka, Connect and source are away', async () => {
  const today = new Date().toISOString().slice(0, 10)
  const paths = ['1', '2', '7'].map((user) => `/preferences/${user}?days=60&until=${today}`)
  const before = await Promise.all(paths.map(answer))
  // No worker runs any more.
  await Promise.all(['connect', 'kafka', 'postgres'].map((name) => chain.kill(name)))
  await sleep(1_000)
  expect(await Promise.all(paths.map(answer))).toEqual(before)
  const someMake = [expect.objectContaining({ value: expect.any(String) as unknown })]
  const told = expect.arrayContaining(someMake) as unknown
  expect(before).toMatchObject(['1', '2', '7'].map((userId) => ({ userId, make: told })))
})

/** Changes of one example until the signal; answers how many. */
async function trafficOf(name: string, signal: AbortSignal): Promise<number> {
  const rate = changesPerSecond
  const application = applications[name]
  if (!application) {
    const [random, population] = [new Random(seed), new Population(users)]
    const options = { random, population, weights: hostileWeights, rate, connections: 1, signal }
    return (await runWorkload(chain.urls.source, options)).operations
  }
  const own = new Client({ connectionString: chain.urls.source })
  await own.connect()
  try {
    return await change(own, application, { seed, size: rows, rate, signal })
  } finally {
    await own.end()
  }
}

/** Whether every entry of these views was put in. */
async function areBuilt(views: readonly string[]): Promise<boolean> {
  const states = await Promise.all(views.map((view) => redis.hgetall(`millrace:${view}`)))
  return states.every((state) => {
    const complete = Object.entries(state).filter(([field]) => field.startsWith('complete:'))
    return complete.length > 0 && complete.every(([, value]) => value === '1')
  })
}

async function answer(path: string): Promise<unknown> {
  const response = await fetch(chain.urls.api + path)
  return response.ok ? response.json() : { status: response.status, text: await response.text() }
}

/** Until these views have passed what the source's log holds now. */
async function untilPassed(views: readonly string[]): Promise<void> {
  const { rows: found } = await client.query<{ lsn: string }>(
    "select pg_logical_emit_message(true, 'test', '')::text as lsn",
  )
  const passed = async (view: string) => {
    const watermark = await redis.hget(`millrace:${view}`, 'watermark')
    return watermark !== null && lsnOf(watermark) >= lsnOf(found[0]!.lsn)
  }
  await until(
    'every view has passed what was written',
    async () => (await Promise.all(views.map(passed))).every(Boolean),
    equalWithinMs,
  )
}

function lsnOf(text: string): bigint {
  const [high, low] = text.split('/').map((part) => BigInt(`0x${part}`))
  return (high! << 32n) + low!
}

async function wrongIn(view: string): Promise<number | undefined> {
  const pass = await redis.hget(`millrace:${view}`, 'pass')
  return decodePass(pass ?? undefined)?.statistics.wrong
}

/** With the names of objects in one order, for SQL and HTTP need not agree on theirs. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([name, each]) => [name, sorted(each)]))
}
