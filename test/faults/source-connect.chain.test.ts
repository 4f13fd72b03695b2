/**
 * Kafka Connect without transactions, killed where it hurts: changes come again at new offsets, and
 * a connector that has forgotten how far it was reads the source anew.
 */
import { readFileSync } from 'node:fs'
import { jest } from '@jest/globals'
import type { Chain } from '../../src/dev/chain.ts'
import { ChainHarness } from '../support/chain-harness.ts'
import { chainTimeoutMs, startTestChain, stopTestChain } from '../support/chain.ts'
import { addPartitions, countRepeated, endOf, untilGrown } from '../support/change-log.ts'
import {
  committedOffset,
  forgetOffsets,
  resumeConnector,
  startConnect,
  untilOffsetFlushed,
} from '../support/connect.ts'
import { ready } from '../support/ready.ts'
import { asSuperuser } from '../support/source-sql.ts'
import { untilEqual } from '../support/truth.ts'
import { sleep, until } from '../support/wait.ts'

jest.setTimeout(300_000)

/** A connector that reads the source anew, and barriers that wait for its seldom offsets. */
const servingWithinMs = 90_000

const never = { 'offset.flush.interval.ms': '3600000' }
/** Rare enough that a kill always finds changes that Kafka has and no committed offset covers. */
const seldom = { 'offset.flush.interval.ms': '2000' }

let chain: Chain
/** Whether Connect writes offsets yet: the first test is about one that never did. */
let flushes = false

beforeAll(async () => {
  chain = await startTestChain({
    seed: true,
    api: true,
    transactions: false,
    connectSettings: never,
  })
}, chainTimeoutMs)

afterAll(async () => {
  if (chain) await stopTestChain(chain)
}, 60_000)

test('killed before its first offset was written, while a row is deleted: no ghost', async () => {
  await using harness = await ChainHarness.open({ chain })
  await harness.sql(
    `insert into users (user_id, username) select 70000 + n, 'u' || n from generate_series(1, 50) n`,
  )
  const from = await endOf(chain, 'follows')
  await harness.sql(
    'insert into follows (follower_id, followee_id) select 70000 + n, 1 from generate_series(1, 50) n',
  )
  await untilGrown(chain, 'follows', { from, by: 50 })
  expect(await committedOffset(chain)).toContain('"offsets":[]')
  await chain.kill('connect')
  await harness.sql('delete from users where user_id between 70001 and 70020')
  await skipChanges()
  harness.startWorker()
  const traffic = harness.traffic(150)
  await startConnect(chain, seldom)
  flushes = true
  await harness.untilServing(undefined, servingWithinMs)
  await traffic.stop()
  await harness.untilEqual()
  await untilEqual({ source: chain.urls.source, api: chain.urls.api })
  const ghost = await fetch(`${chain.urls.api}/users/70001`)
  expect(ghost.status).toBe(404)
})

test('killed in the first transaction after a snapshot, while the view is built', async () => {
  await using harness = await open()
  await forgetOffsets(chain)
  await skipChanges()
  const before = await committedOffset(chain)
  expect(before).toContain('"offsets":[]')
  await resumeConnector(chain)
  await until('the end of the snapshot is committed', async () => {
    const offset = await committedOffset(chain)
    return offset.includes('"lsn"') && !offset.includes('"snapshot"')
  })
  const from = await endOf(chain, 'follows')
  const again = await countRepeated(chain)
  await harness.sql(`begin;
    insert into users (user_id, username) select 80000 + n, 'first' from generate_series(1, 400) n;
    insert into follows (follower_id, followee_id)
      select 80000 + n, 1 + n % 40 from generate_series(1, 400) n;
    delete from users where user_id between 80001 and 80050;
    update follows set followee_id = 2 where follower_id between 80051 and 80100;
    commit`)
  await untilGrown(chain, 'follows', { from, by: 400 })
  await chain.kill('connect')
  harness.startWorker()
  await sleep(2_000)
  const traffic = harness.traffic(150)
  await startConnect(chain)
  await harness.untilServing(undefined, servingWithinMs)
  await traffic.stop()
  await harness.untilEqual()
  expect((await countRepeated(chain)).again).toBeGreaterThan(again.again)
})

test('a source read anew marks the view, which is then built anew without ghosts', async () => {
  await using harness = await open()
  harness.startWorker()
  const generation = await harness.untilServing(undefined, servingWithinMs)
  await harness.untilEqual()
  await forgetOffsets(chain)
  await chain.kill('connect')
  await harness.sql('delete from users where user_id between 70021 and 70040')
  await skipChanges()
  const traffic = harness.traffic(150)
  await chain.start('connect')
  await resumeConnector(chain)
  await until('the view is marked or built anew', async () => {
    const { id, mark } = await harness.state()
    return id !== generation || mark !== undefined
  })
  const log = readFileSync(chain.processes.logPath('worker-a'), 'utf8')
  expect(log).toContain('late-snapshot')
  await harness.untilServing(generation, servingWithinMs)
  await traffic.stop()
  await harness.untilEqual()
})

test('killed again and again under interleaved writers: what came twice counts once', async () => {
  await using harness = await open()
  harness.startWorker()
  const generation = await harness.untilServing(undefined, servingWithinMs)
  const before = await countRepeated(chain)
  const traffic = harness.traffic(200)
  for (let kills = 0; kills < 2; kills += 1) {
    await untilOffsetFlushed(chain)
    await sleep(700)
    await chain.kill('connect')
    await startConnect(chain)
  }
  await traffic.stop()
  await harness.untilEqual()
  const after = await countRepeated(chain)
  expect(after.again).toBeGreaterThan(before.again)
  expect(await harness.state()).toMatchObject({ id: generation })
  say(`${after.again - before.again} of ${after.changes - before.changes} came twice`)
})

test('killed in the middle of a COPY: what came twice counts once', async () => {
  await using harness = await open()
  harness.startWorker()
  await harness.untilServing(undefined, servingWithinMs)
  const rows = 30_000
  const before = await countRepeated(chain, ['tweets'])
  await untilOffsetFlushed(chain)
  const from = await endOf(chain, 'tweets')
  const copied = copyTweets(rows)
  await untilGrown(chain, 'tweets', { from, by: 3_000 })
  await chain.kill('connect')
  await copied
  await startConnect(chain)
  await harness.untilEqual()
  const after = await countRepeated(chain, ['tweets'])
  expect(after.again).toBeGreaterThan(before.again)
  expect(after.changes - before.changes).toBeGreaterThanOrEqual(rows)
  say(`${after.again - before.again} of ${rows} came twice`)
})

test('partitions added to a topic stop the view, which says why', async () => {
  await using harness = await open()
  harness.startWorker()
  await harness.untilServing(undefined, servingWithinMs)
  await harness.untilEqual()
  await addPartitions(chain, 'likes', 6)
  await harness.sql(`update users set name = 'Later' where user_id = 1`)
  await until('readiness says why', async () => {
    return (await ready(chain)).reasons.join().includes('partitions')
  })
  expect((await ready(chain)).httpStatus).toBe(503)
  const stands = await harness.state()
  await sleep(2_000)
  expect(await harness.state()).toEqual(stands)
})

/** The chain for a test that needs committed offsets, also when it runs alone. */
async function open(): Promise<ChainHarness> {
  if (!flushes) {
    await chain.kill('connect')
    await startConnect(chain, seldom)
    flushes = true
  }
  return ChainHarness.open({ chain })
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** Only a superuser may let the server read a program; whose rows they are makes no difference. */
function copyTweets(count: number): Promise<void> {
  const program = `seq 1 ${count} | awk '{ print 500000000 + $1 "," 1 + $1 % 40 ",copied" }'`
  return asSuperuser(chain, `copy tweets (tweet_id, user_id, text) from program $$${program}$$ csv`)
}

/** Moves the slot to the present, as if what was committed meanwhile had never been captured. */
async function skipChanges(): Promise<void> {
  await until('the slot is free', async () => {
    try {
      await asSuperuser(
        chain,
        `select pg_replication_slot_advance('millrace', pg_current_wal_lsn())`,
      )
      return true
    } catch (error) {
      if (/is active/.test(String(error))) return false
      throw error
    }
  })
}
