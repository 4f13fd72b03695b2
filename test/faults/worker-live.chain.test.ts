/** The whole chain while nothing goes wrong. */
import { type ChainHarness, harnessForEachTest, testTimeoutMs } from '../support/chain-harness.ts'
import { untilEqual } from '../support/truth.ts'
import { sleep } from '../support/wait.ts'

describe('the chain without faults', () => {
  let harness: ChainHarness
  harnessForEachTest((opened) => {
    harness = opened
  })

  test(
    'a view built while nothing changes, and changes of every kind after it, equal SQL',
    async () => {
      harness.startWorker()
      const epoch = await harness.untilServing()
      expect(await harness.differences()).toEqual([])
      const reader = await harness.reader()
      const traffic = harness.traffic(300)
      await sleep(8_000)
      const { rows, rowsByKind } = await traffic.stop()
      expect(rows).toBeGreaterThan(1_000)
      expect(rowsByKind.size).toBeGreaterThan(15)
      await harness.untilExact(epoch)
      const { source, api } = harness.chain.urls
      await untilEqual({ source, api })
      await reader.stop()
      expect(reader.doubtsSeen).toEqual([])
      expect(reader.staleReasons).toEqual([])
    },
    testTimeoutMs,
  )

  test(
    'a build begun in the middle of traffic ends equal to SQL',
    async () => {
      const traffic = harness.traffic(300)
      await sleep(2_000)
      harness.startWorker()
      const epoch = await harness.untilServing()
      await sleep(3_000)
      await traffic.stop()
      await harness.untilExact(epoch)
    },
    testTimeoutMs,
  )
})
