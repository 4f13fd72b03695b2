/** Three views in one worker: what happens to one is nothing to the others. */
import { join } from 'node:path'
import { kafkaChangeLog } from '../../src/consume/kafka/kafka-change-log.ts'
import { createLog } from '../../src/log.ts'
import { parseLsn } from '../../src/position.ts'
import {
  type ChainHarness,
  harnessForEachTest,
  mendedWithinMs,
  testTimeoutMs,
} from '../support/chain-harness.ts'
import { withLogReader } from '../support/kafka-worker.ts'
import { sleep, until } from '../support/wait.ts'

const config = join(import.meta.dirname, '../support/declared-views/several.ts')

/** Entries as SQL has them: key, then what Redis has under these names, null where it has nothing. */
const truths = {
  'user-information': {
    fields: ['username', 'name', 'tweet-count', 'like-count'],
    sql: `select user_id::text as key, username, name,
        (select count(*) from tweets t where t.user_id = u.user_id)::text as "tweet-count",
        (select count(*) from likes l where l.user_id = u.user_id)::text as "like-count"
      from users u`,
  },
  'tweet-likes': {
    fields: ['user-id', 'like-count'],
    sql: `select tweet_id::text as key, user_id::text as "user-id",
        (select count(*) from likes l where l.tweet_id = t.tweet_id)::text as "like-count"
      from tweets t`,
  },
  'user-pages': {
    fields: ['web-page-url', 'following-count'],
    sql: `select user_id::text as key, web_page_url as "web-page-url",
        (select count(*) from follows f where f.follower_id = u.user_id)::text as "following-count"
      from users u`,
  },
} as const

type Name = keyof typeof truths
const names = Object.keys(truths) as Name[]
const others: readonly Name[] = ['user-information', 'tweet-likes']

let harness: ChainHarness
harnessForEachTest((opened) => {
  harness = opened
})

const stateOf = (name: Name) => harness.redis.hgetall(`millrace:${name}`)

/** The chain's own users of Redis may touch no view but the example's. */
function ownEnv(): Readonly<Record<string, string>> {
  return { MILLRACE_CONFIG: config, MILLRACE_REDIS: harness.chain.urls.redis }
}

function isServed(state: Readonly<Record<string, string>>): boolean {
  const complete = Object.entries(state).filter(([field]) => field.startsWith('complete:'))
  return complete.length > 0 && complete.every(([, value]) => value === '1') && 'watermark' in state
}

async function untilAllServe(): Promise<ReadonlyMap<Name, string>> {
  await until(
    'every view serves',
    async () => (await Promise.all(names.map(stateOf))).every(isServed),
    2 * mendedWithinMs,
  )
  return epochs()
}

async function epochs(): Promise<ReadonlyMap<Name, string>> {
  const states = await Promise.all(names.map(stateOf))
  return new Map(names.map((name, at) => [name, states[at]!.epoch!]))
}

/** Every entry of a view in Redis that is not what SQL says, and those that are missing. */
async function differencesOf(name: Name): Promise<readonly unknown[]> {
  const { fields, sql } = truths[name]
  const rows = await harness.sql(sql)
  const { redis } = harness
  const found = await Promise.all(rows.map((row) => redis.hmget(`${name}:${row.key}`, ...fields)))
  return rows.flatMap((row, at) => {
    const truth = fields.map((field) => row[field] ?? null)
    return JSON.stringify(truth) === JSON.stringify(found[at]) ? [] : [{ truth, found: found[at] }]
  })
}

/** Waits until the watermarks have passed what is written now and the views are what SQL says. */
async function untilEqual(these: readonly Name[]): Promise<void> {
  const written = await harness.written()
  for (const name of these) {
    await until(
      `${name} passes what was written`,
      async () => {
        const { watermark } = await stateOf(name)
        return watermark !== undefined && parseLsn(watermark) >= written
      },
      mendedWithinMs,
    )
  }
  await untilSame(these)
}

async function untilSame(these: readonly Name[]): Promise<void> {
  for (const name of these) {
    await until(
      `${name} is what SQL says`,
      async () => (await differencesOf(name)).length === 0,
      mendedWithinMs,
    )
  }
}

async function problemsOf(name: Name): Promise<readonly string[]> {
  const texts = await harness.redis.hvals(`millrace:${name}:problems`)
  return texts.map((text) => (JSON.parse(text) as { code: string }).code)
}

/** How many barriers all views have taken since they were begun. */
async function barriersTaken(): Promise<number> {
  const states = await Promise.all(names.map(stateOf))
  const numbers = states.map(({ barrier }) => (JSON.parse(barrier!) as { number: number }).number)
  return numbers.reduce((sum, number) => sum + number, 0)
}

/** Markers that are written within this time. */
async function markersWithin(ms: number): Promise<number> {
  const brokers = [harness.chain.urls.kafka]
  const log = kafkaChangeLog({ brokers, recordsMax: 1_000, log: createLog('silent', 'test') })
  try {
    const topic = `${harness.chain.env.MILLRACE_CONNECTOR}.message`
    return await withLogReader(log, topic, async (reader) => {
      const from = (await reader.bounds()).end
      await sleep(ms)
      const to = (await reader.bounds()).end
      reader.seek(from)
      let [at, found] = [from, 0]
      while (at < to) {
        const batch = await reader.next(5_000)
        if (!batch) throw new Error('the markers can not be read')
        at = batch.next
        found += batch.records.filter(({ value, offset }) => {
          return offset < to && Buffer.from(value ?? []).includes('millrace-marker:')
        }).length
      }
      return found
    })
  } finally {
    await log.close()
  }
}

/** A few changes of every table, without the column that `user-pages` alone shows. */
function changesOf(round: number): readonly string[] {
  const user = (at: number) => `(select user_id from users order by user_id offset ${at} limit 1)`
  return [
    `update users set name = 'round ${round}' where user_id in (${user(1)}, ${user(2)})`,
    `insert into tweets (tweet_id, user_id) values (${71_000 + round}, ${user(3)})`,
    `insert into likes (user_id, tweet_id) values (${user(4)}, ${71_000 + round})`,
    `insert into follows (follower_id, followee_id) values (${user(5)}, ${user(6 + round)})
       on conflict do nothing`,
    `delete from tweets where tweet_id = ${71_000 + round - 3}`,
  ]
}

test(
  'one that is stopped holds up no other, and goes on where it was',
  async () => {
    harness.startWorker('worker-a', ownEnv())
    const begun = await untilAllServe()
    const fields = ['username', 'name', 'tweetCount', 'likeCount']
    const reader = await harness.reader({ env: ownEnv(), fields })
    const before = harness.traffic(80)
    await sleep(2_000)
    await before.stop()
    await untilEqual(names)

    await harness.sql('alter table users rename column web_page_url to page')
    try {
      await harness.sql(`update users set page = 'https://example.com/stopped'`, ...changesOf(0))
      await until('it stands still', async () =>
        (await problemsOf('user-pages')).includes('column-gone'),
      )
      for (const round of [1, 2, 3, 4, 5]) await harness.sql(...changesOf(round))
      await untilEqual(others)
      for (const name of others) expect(await problemsOf(name)).toEqual([])
      expect(await problemsOf('user-pages')).toContain('column-gone')
      const status = await harness.run(['status'], { env: ownEnv() })
      expect(status.output).toMatch(/^user-pages in redis: .*stands still since .*web_page_url/m)
    } finally {
      await harness.sql('alter table users rename column page to web_page_url')
    }
    const after = harness.traffic(80)
    await sleep(2_000)
    await after.stop()
    await untilEqual(names)
    await until(
      'it stands still no more',
      async () => (await problemsOf('user-pages')).length === 0,
    )
    expect(await epochs()).toEqual(begun)
    await reader.stop()
  },
  testTimeoutMs,
)

test(
  'one that is built anew under traffic holds up no other, and all are what SQL says',
  async () => {
    harness.startWorker('worker-a', ownEnv())
    const begun = await untilAllServe()
    const fields = ['username', 'name', 'tweetCount', 'likeCount']
    const reader = await harness.reader({ env: ownEnv(), fields })
    const traffic = harness.traffic(80)
    const { redis } = harness
    const lost = [
      ...(await redis.keys('user-pages:*')),
      ...(await redis.keys('millrace:user-pages*')),
    ]
    await redis.del(...lost)
    await until('another epoch is begun', async () => {
      const { epoch } = await stateOf('user-pages')
      return epoch !== undefined && epoch !== begun.get('user-pages')
    })
    await untilAllServe()
    await traffic.stop()
    await untilEqual(names)
    const after = await epochs()
    for (const name of others) expect(after.get(name)).toBe(begun.get(name))
    const verified = await harness.run(['verify'], { env: ownEnv() })
    expect([verified.code, verified.output]).toEqual([
      0,
      expect.stringContaining('all 3 views are right'),
    ])
    await reader.stop()
  },
  testTimeoutMs,
)

test(
  'they share one marker a second',
  async () => {
    // So slow that a look of each view is followed by none for minutes: looks have their own markers.
    harness.startWorker('worker-a', {
      ...ownEnv(),
      MILLRACE_LOOK_ROWS_PER_SECOND: '1',
      MILLRACE_BARRIER_INTERVAL_MS: '1000',
      MILLRACE_BARRIER_IDLE_MS: '1000',
    })
    await untilAllServe()
    const windowMs = 8_000
    // The first looks of each view have markers of their own. Barriers are taken more slowly than once
    // a second on a machine that is busy with other things.
    await until(
      'a marker serves several views',
      async () => {
        const before = await barriersTaken()
        // Each is followed by another one, which shows that it was passed.
        const markers = (await markersWithin(windowMs)) / 2
        const barriers = (await barriersTaken()) - before
        return barriers >= 9 && markers <= barriers / 2 && markers <= windowMs / 1_000 + 2
      },
      90_000,
    )
  },
  testTimeoutMs,
)
