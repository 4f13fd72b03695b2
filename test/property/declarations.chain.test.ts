/**
 * Random tables and views through the real connector, all of them on one chain: a worker builds the
 * views in both stores and keeps them while rows change, and they are what SQL says without a look
 * having found one wrong.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import { kafkaTopicAdmin } from '../../src/consume/kafka/topic-admin.ts'
import { topicOf } from '../../src/coordinate/setup.ts'
import type { Chain } from '../../src/dev/chain.ts'
import { packageFolder } from '../../src/dev/folders.ts'
import { startRole } from '../../src/dev/start-role.ts'
import { changeTopicSettings } from '../../src/plan/topics-plan.ts'
import { createLog } from '../../src/log.ts'
import { parseLsn } from '../../src/position.ts'
import { decodePass } from '../../src/reconcile/pass-state.ts'
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts'
import { openRedisStore } from '../../src/store/redis/redis-store.ts'
import type { ViewStore } from '../../src/store/store.ts'
import { canonicalTable } from '../../src/table-name.ts'
import { columnTypes } from '../../src/types/types.ts'
import { declarationId, encodeView } from '../../src/view/declarations.ts'
import { identifier } from '../../src/view/sql-text.ts'
import type { View } from '../../src/view/view.ts'
import { seedOfRun } from '../support/seed.ts'
import { chainTimeoutMs, startTestChain, stopTestChain } from '../support/chain.ts'
import { sleep, slowness, until } from '../support/wait.ts'
import { changeKinds, sqlName, type Transaction } from './changes.ts'
import { aggregateKinds } from './aggregates.ts'
import { coveringPlans, type Played } from './covering.ts'
import { expectedOf, unequal } from './expected.ts'
import { createMood, keyForms, PlainTexts, plainSettings } from './forms.ts'
import { entriesOf } from './kept.ts'
import { nameOf, type Plan } from './plan.ts'
import { createTables, noteTables } from './tables.ts'
import { Tally } from './tally.ts'

const callTimeoutMs = 10_000 * slowness
const waitMs = 150_000 * slowness
/** The stores have other things to do. */
const pollMs = 100
const schemas = ['public', 'sales', 'edge.s ä']
/** The worst that a test of two minutes allows: nine views in two stores. */
const plansMax = 3

let chain: Chain
let client: Client

beforeAll(async () => {
  chain = await startTestChain({
    connector: { 'table.include.list': null, 'column.include.list': null },
  })
  const admin = chain.env.MILLRACE_SOURCE_ADMIN ?? ''
  client = new Client(admin.replace(/\/[^/]*$/, '/millrace'))
  await client.connect()
  await createMood(client)
  await client.query(plainSettings)
  for (const schema of schemas) {
    await client.query(`create schema if not exists ${identifier(schema)};
      grant usage on schema ${identifier(schema)} to millrace, millrace_capture`)
  }
}, chainTimeoutMs)

afterAll(async () => {
  await client?.end()
  if (chain) await stopTestChain(chain)
}, 60_000)

async function prepare({ plan }: Played): Promise<void> {
  await createTables(client, plan)
  for (const table of plan.tables) {
    await client.query(`grant select on ${sqlName(table)} to millrace;
      alter publication millrace add table ${sqlName(table)}`)
  }
  const log = createLog('silent', 'test')
  const admin = kafkaTopicAdmin({ brokers: [chain.urls.kafka], log, callTimeoutMs })
  const topics = plan.tables.map((table) => ({
    topic: topicOf('millrace', canonicalTable(nameOf(table))),
    partitions: 2,
    settings: changeTopicSettings,
  }))
  await admin.create(topics).finally(() => admin.close())
}

async function run(transactions: readonly Transaction[]): Promise<void> {
  for (const statements of transactions) for (const text of statements) await client.query(text)
}

function startWorker(views: readonly View[]): void {
  const path = join(chain.folders.chain, 'millrace.config.ts')
  const from = (file: string) => JSON.stringify(join(packageFolder, 'src', file))
  writeFileSync(
    path,
    `import { defineConfig } from ${from('index.ts')}
     import { decodeView } from ${from('view/declarations.ts')}
     const views = ${JSON.stringify(views.map(encodeView))}
     export default defineConfig({ views: views.map(decodeView) })`,
  )
  startRole(chain, {
    name: 'worker-1',
    args: ['worker', '--config', path],
    env: {
      // The user of the chain's workers may touch the keys of its own views alone.
      MILLRACE_REDIS: chain.urls.redis,
      MILLRACE_STORES: 'redis,postgres',
      MILLRACE_BARRIER_INTERVAL_MS: '300',
      MILLRACE_CALL_TIMEOUT_MS: String(callTimeoutMs),
    },
  })
}

async function opened(view: View): Promise<readonly ViewStore[]> {
  const own = { name: view.name, key: view.key }
  const url = chain.env.MILLRACE_POSTGRES ?? ''
  return [
    await openRedisStore({ url: chain.urls.redis, view: own, callTimeoutMs }),
    await openPostgresStore({ url, view: own, callTimeoutMs }),
  ]
}

type Kept = { readonly plan: Plan; readonly view: View; readonly store: ViewStore }

/** Waits until every view is complete, and everything that was committed is in it. */
async function untilPassed(kept: readonly Kept[]): Promise<void> {
  const { rows } = await client.query<{ lsn: string }>('select pg_current_wal_lsn()::text as lsn')
  const written = parseLsn(rows[0]!.lsn)
  for (const { view, store } of kept) {
    const what = `${view.name} in ${store.name} has passed what was written`
    const hasPassed = async () => {
      await sleep(pollMs)
      const state = await store.watchable.state()
      const isComplete = state?.declarations.every(({ complete }) => complete)
      return isComplete === true && (state?.watermark ?? 0n) >= written
    }
    await until(what, hasPassed, waitMs).catch(async (cause: unknown) => {
      const { problems } = await store.reader(view.layout, declarationId(view)).status()
      throw new Error(`${what}? ${JSON.stringify([...problems])}`, { cause })
    })
  }
}

const wanted = [
  ...columnTypes.map((type) => `field of ${type}`),
  ...new Set(keyForms.map(({ type }) => `key of ${type}`)),
  'entry',
  'counts without a row',
  'entry of a view without owning rows',
  'entry of a window',
  ...changeKinds,
  'two counts of one table by columns outside its key',
  'count by several columns',
  'name with a quote',
  'table of another schema',
]

test(
  'views over random tables are what SQL says, from their building on',
  async () => {
    const seed = seedOfRun()
    process.stdout.write(`declarations: seed ${seed}\n`)
    const all = coveringPlans(seed, { schemas, plansMax })
    for (const each of all) await prepare(each)
    for (const { transactions } of all) await run(transactions.slice(0, transactions.length / 2))
    const views = all.flatMap(({ plan }) => plan.views)
    // Whether its conditions leave rows to an aggregate, few random rows can't promise.
    const declared = new Set(views.flatMap((view) => view.aggregates.map(({ kind }) => kind)))
    expect(aggregateKinds.filter((kind) => !declared.has(kind))).toEqual([])
    startWorker(views)
    const kept: Kept[] = []
    try {
      for (const { plan } of all) {
        for (const view of plan.views) {
          for (const store of await opened(view)) kept.push({ plan, view, store })
        }
      }
      await untilPassed(kept)
      for (const { transactions } of all) await run(transactions.slice(transactions.length / 2))
      await untilPassed(kept)

      const plain = await PlainTexts.read(client)
      const tally = new Tally()
      for (const { plan, tally: own } of all) {
        tally.addAll(own)
        noteTables(plan, tally)
      }
      const found: string[] = []
      for (const { plan, view, store } of kept) {
        const expected = await expectedOf(plan, view, { client, plain, tally })
        const state = (await store.watchable.state())!
        const lines = unequal(view, expected, await entriesOf(view, store))
        found.push(...lines.map((line) => `${view.name} in ${store.name}: ${line}`))
        const wrong = decodePass(state.pass)?.statistics.wrong
        if (wrong !== 0) found.push(`${view.name} in ${store.name}: looks found ${wrong} wrong`)
        for (const { code, reason } of state.doubts) found.push(`${view.name}: ${code} ${reason}`)
      }
      process.stdout.write(`declarations: ${views.length} views; ${String(tally)}\n`)
      expect(found).toEqual([])
      expect(tally.missing(wanted)).toEqual([])
    } finally {
      await Promise.all(kept.map(({ store }) => store.close()))
    }
  },
  400_000 * slowness,
)
