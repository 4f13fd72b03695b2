/**
 * Kafka Connect as installations have it that were there before Millrace: without transactions, with
 * a snapshot. It is killed where it hurts: changes come again at new offsets, and a connector that
 * has forgotten how far it was reads the source anew.
 */
import { jest } from '@jest/globals'
import type { Chain } from '../../src/dev/chain.ts'
import { ChainHarness } from '../support/chain-harness.ts'
import { chainTimeoutMs, startTestChain, stopTestChain } from '../support/chain.ts'
import { countRepeated, endOf, readTopic, untilGrown } from '../support/change-log.ts'
import {
  alterConnector,
  committedOffset,
  forgetOffsets,
  resumeConnector,
  skipChanges,
  startConnect,
  untilOffsetFlushed,
} from '../support/connect.ts'
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
  await asSuperuser(chain, 'grant select on all tables in schema public to millrace_capture')
  // Stopping it has written an offset: it is to begin as one that never wrote any.
  await forgetOffsets(chain)
  await alterConnector(chain, { 'snapshot.mode': 'initial' })
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
  await skipChanges(chain)
  harness.startWorker()
  const traffic = harness.traffic(150)
  await startConnect(chain, seldom)
  flushes = true
  await harness.untilServing(servingWithinMs)
  await traffic.stop()
  await harness.untilEqual()
  const users = await readTopic(chain, 'users')
  expect(
    users.some(({ decoded }) => decoded.kind === 'change' && decoded.change.kind === 'read'),
  ).toBe(true)
  await untilEqual({ source: chain.urls.source, api: chain.urls.api })
  const ghost = await fetch(`${chain.urls.api}/users/70001`)
  expect(ghost.status).toBe(404)
})

test('killed in the first transaction after a snapshot, while the view is built', async () => {
  await using harness = await open()
  await forgetOffsets(chain)
  await skipChanges(chain)
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
  const epoch = await harness.untilServing(servingWithinMs)
  await traffic.stop()
  await harness.untilExact(epoch)
  expect((await countRepeated(chain)).again).toBeGreaterThan(again.again)
})

test('killed again and again under interleaved writers: what came twice counts once', async () => {
  await using harness = await open()
  harness.startWorker()
  const epoch = await harness.untilServing(servingWithinMs)
  const reader = await harness.reader()
  const before = await countRepeated(chain)
  const traffic = harness.traffic(200)
  for (let kills = 0; kills < 2; kills += 1) {
    await untilOffsetFlushed(chain)
    await sleep(700)
    await chain.kill('connect')
    await startConnect(chain)
  }
  await traffic.stop()
  await harness.untilExact(epoch)
  await reader.stop()
  const after = await countRepeated(chain)
  expect(after.again).toBeGreaterThan(before.again)
  say(`${after.again - before.again} of ${after.changes - before.changes} came twice`)
})

test('killed in the middle of a COPY: what came twice counts once', async () => {
  await using harness = await open()
  harness.startWorker()
  const epoch = await harness.untilServing(servingWithinMs)
  const rows = 20_000
  const before = await countRepeated(chain, ['tweets'])
  await untilOffsetFlushed(chain)
  const from = await endOf(chain, 'tweets')
  const copied = copyTweets(rows)
  await untilGrown(chain, 'tweets', { from, by: 3_000 })
  await chain.kill('connect')
  await copied
  await startConnect(chain)
  await harness.untilExact(epoch)
  const after = await countRepeated(chain, ['tweets'])
  expect(after.again).toBeGreaterThan(before.again)
  expect(after.changes - before.changes).toBeGreaterThanOrEqual(rows)
  say(`${after.again - before.again} of ${rows} came twice`)
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
