/**
 * A source whose past is another one than the log tells of: the slot lost, the database put back to
 * an earlier state, or failed over to a standby that lacked the end. Here a person has to act, and
 * each test does what the messages say and nothing else.
 */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Chain } from '../../src/dev/chain.ts'
import { runCommand } from '../../src/dev/command.ts'
import type { AlwaysThere } from '../support/always-there.ts'
import { type ChainHarness, mendedWithinMs } from '../support/chain-harness.ts'
import {
  alterConnector,
  forgetOffsets,
  resumeConnector,
  skipChanges,
  untilCapturing,
} from '../support/connect.ts'
import { asSuperuser } from '../support/source-sql.ts'
import { sleep, until } from '../support/wait.ts'
import type { Scene } from './scene.ts'

/** A connector that begins anew, and barriers that wait for it. */
const begunAnewMs = 3 * mendedWithinMs

let chain: Chain
let harness: ChainHarness
let reader: AlwaysThere

export function describeHistoryDoubts(scene: () => Scene): void {
  beforeAll(() => {
    ;({ chain, harness, reader } = scene())
  })

  beforeEach(() => reader.forget())

  test('a source read anew while the view serves is a doubt, and what was missed is found', async () => {
    await asSuperuser(chain, 'grant select on all tables in schema public to millrace_capture')
    await harness.sql(
      `insert into users (user_id, username) select 70000 + n, 'u' || n from generate_series(1, 20) n`,
    )
    await harness.untilEqual()
    const { epoch, wrong } = await harness.standing()
    await forgetOffsets(chain)
    await chain.kill('connect')
    await harness.sql('delete from users where user_id between 70001 and 70020')
    await skipChanges(chain)
    const traffic = harness.traffic(150)
    await chain.start('connect')
    await alterConnector(chain, { 'snapshot.mode': 'initial' })
    const reason = await reader.untilDoubted('late-snapshot', begunAnewMs)
    expect(reason).toContain('the connector has read the source anew')
    await traffic.stop()
    // Looks whose markers were skipped with the changes are given up, and taken again.
    await harness.untilEqual(begunAnewMs)
    const after = await harness.standing()
    expect([after.epoch, after.wrong >= wrong + 20]).toEqual([epoch, true])
    await alterConnector(chain, { 'snapshot.mode': 'no_data' })
    await harness.untilEqual(begunAnewMs)
  })

  test('the slot dropped: the connector fails, and the way back that is named leads back', async () => {
    await harness.sql(
      `insert into users (user_id, username) select 71000 + n, 'u' || n from generate_series(1, 20) n`,
    )
    await harness.untilEqual()
    const { wrong } = await harness.standing()
    const logged = harness.log('worker-a').length
    await chain.processes.stop('connect')
    await asSuperuser(chain, `select pg_drop_replication_slot('millrace')`)
    await harness.sql('delete from users where user_id between 71001 and 71020')
    await chain.start('connect')
    await until('people are told that the connector has failed', async () => {
      return (await harness.problems()).connector === 'connector-failed'
    })
    expect(harness.log('worker-a').slice(logged)).toContain('When the slot was lost')
    await beginAnew()
    const traffic = harness.traffic(100)
    await until('readers are told', () =>
      reader.doubtsSeen.some((code) => ['slot-altered', 'offsets-lost'].includes(code)),
    )
    await traffic.stop()
    await harness.untilEqual(begunAnewMs)
    expect((await harness.standing()).wrong).toBeGreaterThanOrEqual(wrong + 20)
  })

  test('put back to an earlier state: readers go on, the message names what to do, and it does', async () => {
    const putBack = await copyOfSource()
    await trafficFor(6_000, 150)
    await harness.untilEqual()
    await putBack()
    const reason = await reader.untilDoubted('source-replaced', 60_000)
    expect(reason).toContain('the database was put back to an earlier state')
    const [doubt] = (await harness.doubts()).filter(({ code }) => code === 'source-replaced')
    expect(doubt!.hint).toContain('When the source was put back')
    await beginAnew()
    await trafficFor(3_000, 100)
    await harness.untilEqual(begunAnewMs)
    reader.pardon(['falling watermark'])
  })

  test('failed over to a standby that lacks the end: what was lost is taken out of the view', async () => {
    const putBack = await copyOfSource()
    await trafficFor(6_000, 150)
    await harness.untilEqual()
    const { wrong } = await harness.standing()
    await putBack('promoted')
    const reason = await reader.untilDoubted('source-replaced', 60_000)
    expect(reason).toContain('it has failed over, or was put back')
    await beginAnew()
    await trafficFor(3_000, 100)
    await harness.untilEqual(begunAnewMs)
    expect((await harness.standing()).wrong).toBeGreaterThan(wrong)
    reader.pardon(['falling watermark'])
  })
}

async function trafficFor(ms: number, rate: number): Promise<void> {
  const traffic = harness.traffic(rate)
  await sleep(ms)
  await traffic.stop()
}

/** What the README has a person do: the connector begins anew where the source is now. */
async function beginAnew(): Promise<void> {
  await forgetOffsets(chain)
  await until('the slot is free', async () => {
    const [slot] = await harness.sql(
      `select active::text from pg_replication_slots where slot_name = 'millrace'`,
    )
    return slot?.active !== 'true'
  })
  await asSuperuser(
    chain,
    `select pg_drop_replication_slot(slot_name) from pg_replication_slots
       where slot_name = 'millrace'`,
  )
  await resumeConnector(chain)
}

/** Copies the database's files while it is down for a moment; answers how to make it that again. */
async function copyOfSource() {
  const folder = join(chain.folders.data, 'postgres')
  const copy = `${folder}.copy`
  await harness.untilEqual()
  await chain.processes.stop('postgres')
  await copied(folder, copy)
  await chain.start('postgres')
  await untilCapturing(chain)
  await harness.untilEqual()
  return async (how: 'as it was' | 'promoted' = 'as it was') => {
    await chain.kill('postgres')
    rmSync(folder, { recursive: true })
    await copied(copy, folder)
    if (how === 'promoted') writeFileSync(join(folder, 'standby.signal'), '', { mode: 0o644 })
    rmSync(copy, { recursive: true })
    await chain.start('postgres')
    if (how === 'promoted') await asSuperuser(chain, 'select pg_promote()')
  }
}

/** With the owner of every file, who is not the one that runs this. */
async function copied(from: string, to: string): Promise<void> {
  await runCommand('cp', ['-a', from, to], { timeoutMs: 60_000 })
}
