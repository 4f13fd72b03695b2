import { type ChainHarness, harnessForEachTest, testTimeoutMs } from '../support/chain-harness.ts'
import { untilEqual } from '../support/truth.ts'
import { sleep } from '../support/wait.ts'

describe('the chain without faults', () => {
  let harness: ChainHarness
  harnessForEachTest((opened) => {
    harness = opened
  })

  test(
    'a view built from a snapshot, and changes of every kind after it, equal SQL',
    async () => {
      harness.startWorker()
      const generation = await harness.untilServing()
      await harness.untilEqual()
      const traffic = harness.traffic(300)
      await sleep(8_000)
      const { rows, rowsByKind } = await traffic.stop()
      expect(rows).toBeGreaterThan(1_000)
      expect(rowsByKind.size).toBeGreaterThan(15)
      await harness.untilEqual()
      const { source, api } = harness.chain.urls
      await untilEqual({ source, api })
      expect(await harness.state()).toMatchObject({ id: generation, phase: 'serving' })
    },
    testTimeoutMs,
  )

  test(
    'a bootstrap begun in the middle of traffic ends equal to SQL',
    async () => {
      const traffic = harness.traffic(300)
      await sleep(2_000)
      harness.startWorker()
      const generation = await harness.untilServing()
      await sleep(3_000)
      await traffic.stop()
      await harness.untilEqual()
      const { id, mark } = await harness.state()
      expect([id, mark]).toEqual([generation, undefined])
    },
    testTimeoutMs,
  )
})
