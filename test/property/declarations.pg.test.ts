/**
 * Random tables, views and transactions on a real Postgres: what its own logical decoding tells,
 * written as Debezium writes it and read by the real decoder, makes of both stores, by the commits of
 * a worker, what SQL says. The truth query, in pages and by keys, says the same.
 */
import * as fc from 'fast-check'
import { Client } from 'pg'
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts'
import { openRedisStore } from '../../src/store/redis/redis-store.ts'
import { columnTypes } from '../../src/types/types.ts'
import { identifier } from '../../src/view/sql-text.ts'
import { keysQuery, rangeQuery } from '../../src/view/truth-query.ts'
import type { View } from '../../src/view/view.ts'
import { askTruth } from '../support/ask-truth.ts'
import { startTestChain, stopTestChain } from '../support/chain.ts'
import { seedOfRun } from '../support/seed.ts'
import { slowness } from '../support/wait.ts'
import { captured, captureKinds, openSlot } from './captured-log.ts'
import { changeKinds, transactionsOf } from './changes.ts'
import { conditionKinds } from './conditions.ts'
import {
  above,
  expectedOf,
  secondsOf,
  someBound,
  tallyKinds,
  tallyShapes,
  unequal,
  type Entries,
} from './expected.ts'
import { createMood, keyForms, momentForms, PlainTexts, plainSettings } from './forms.ts'
import { keep, type Bound } from './kept.ts'
import { numbers, planOf, type Numbers } from './plan.ts'
import { createTables, noteTables, tableKinds, tableSql } from './tables.ts'
import { Tally } from './tally.ts'

const callTimeoutMs = 5_000 * slowness
const runs = 80

let chain: Awaited<ReturnType<typeof startTestChain>>
let client: Client
let plain: PlainTexts

beforeAll(async () => {
  chain = await startTestChain({ servers: ['postgres', 'redis'] })
  const admin = chain.env.MILLRACE_SOURCE_ADMIN ?? ''
  client = new Client(admin.replace(/\/[^/]*$/, '/millrace'))
  await client.connect()
  await createMood(client)
  await client.query(plainSettings)
  plain = await PlainTexts.read(client)
  await openSlot(client)
}, 60_000)

afterAll(async () => {
  await client?.end()
  if (chain) await stopTestChain(chain)
})

let played = 0

/** Differences, in words; what happened is counted in `tally`. */
async function play(given: Numbers, tally: Tally): Promise<readonly string[]> {
  played += 1
  const schemas = [`p${played}`, `p${played} "ä".`.replaceAll('"', '')]
  const plan = planOf(given, { schemas, mark: `p${played}`, keeps: given.names % 2 === 0 })
  try {
    for (const schema of schemas) await client.query(`create schema ${identifier(schema)}`)
    await createTables(client, plan)
    const statements = transactionsOf(plan, given, tally).flat()
    for (const text of statements) await client.query(text)
    const log = await captured(client, plan.tables)
    for (const kind of log.kinds) tally.add(kind)
    noteTables(plan, tally)
    const found: string[] = []
    for (const view of plan.views) {
      const all = await expectedOf(plan, view, { client, plain, tally })
      const expected = above(view, all, tally)
      const bound = secondsOf(someBound(view))
      const entries = {
        ...(await kept(view, log, bound)),
        ...(await asked(view, [...expected.keys()], bound)),
      }
      for (const [where, each] of Object.entries(entries)) {
        const lines = unequal(view, expected, each)
        found.push(...lines.map((line) => `${view.name} in ${where}: ${line}`))
      }
    }
    // What to do by hand to see it, once chance has made it small.
    return found.length === 0 ? [] : [...found, ...plan.tables.map(tableSql), ...statements]
  } finally {
    await client.query('rollback')
    for (const schema of schemas) {
      await client.query(`drop schema if exists ${identifier(schema)} cascade`)
    }
    await captured(client, plan.tables)
  }
}

type Log = Awaited<ReturnType<typeof captured>>

async function kept(
  view: View,
  log: Log,
  bound: Bound,
): Promise<Readonly<Record<string, Entries>>> {
  const own = { name: view.name, key: view.key }
  const postgresUrl = chain.env.MILLRACE_POSTGRES ?? ''
  const stores = [
    await openRedisStore({ url: chain.urls.redis, view: own, callTimeoutMs }),
    await openPostgresStore({ url: postgresUrl, view: own, callTimeoutMs }),
  ]
  try {
    const entries: Record<string, Entries> = {}
    for (const store of stores) entries[store.name] = await keep(view, store, { log, bound })
    return entries
  } finally {
    await Promise.all(stores.map((store) => store.close()))
  }
}

/** What the truth query answers, in small pages and for given keys. */
async function asked(view: View, keys: readonly string[], bound: Bound) {
  const pages = new Map<string, string>()
  let after: string | undefined
  do {
    const range = rangeQuery(view, after, { keysMax: 3, rowsMax: 5 }, bound)
    const page = await askTruth(client, view, range)
    for (const [key, text] of page.entries) pages.set(key, text)
    if (after !== undefined && page.last === after) throw new Error('a page ends where it began')
    after = page.last
  } while (after !== undefined)
  return {
    'pages of truth': pages,
    'truth by keys': (await askTruth(client, view, keysQuery(view, keys))).entries,
  }
}

const wanted = [
  ...columnTypes.map((type) => `field of ${type}`),
  ...new Set([...keyForms, ...momentForms].map(({ type }) => `key of ${type}`)),
  'key of 1',
  'key of 2',
  'key of 3',
  'null in a field',
  'entry',
  'counts without a row',
  'entry of a view without owning rows',
  'entry of a window',
  'entry above the bound',
  'entry below the bound',
  ...conditionKinds,
  'count above one',
  ...changeKinds,
  ...tallyKinds,
  ...tallyShapes,
  ...captureKinds,
  ...tableKinds,
]

test(
  'views over random tables are what SQL says, in every store and in every page of truth',
  async () => {
    const seed = seedOfRun()
    const tally = new Tally()
    await fc.assert(
      fc.asyncProperty(numbers, async (given) => {
        const own = new Tally()
        expect(await play(given, own)).toEqual([])
        tally.addAll(own)
      }),
      { seed, numRuns: runs, interruptAfterTimeLimit: 150_000 * slowness },
    )
    process.stdout.write(`declarations: seed ${seed}; ${String(tally)}\n`)
    expect(tally.missing(wanted)).toEqual([])
  },
  300_000 * slowness,
)
