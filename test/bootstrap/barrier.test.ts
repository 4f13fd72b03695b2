import { takeBarrier, type BarrierParts } from '../../src/bootstrap/barrier.ts'
import type { Clock } from '../../src/clock.ts'
import { lsnFromInteger, type KafkaOffset } from '../../src/position.ts'
import type { CommittedOffset } from '../../src/source/connector.ts'

const at = (lsn: number, snapshot = false): CommittedOffset => ({
  commitLsn: lsnFromInteger(lsn),
  snapshot,
})

/** A source whose marker is at 100, with the answers that Connect gives one after the other. */
function parts(answers: readonly CommittedOffset[], sourceEnd = 1_000) {
  const steps: string[] = []
  let nowMs = 0
  let ends = 10n
  const left = [...answers]
  const clock: Clock = {
    wallMs: () => 77,
    monotonicMs: () => nowMs,
    sleep: async (ms) => {
      nowMs += ms
    },
  }
  const given: BarrierParts = {
    clock,
    topics: ['t'],
    source: {
      mark: async () => {
        steps.push('mark')
        return lsnFromInteger(100)
      },
      end: async () => lsnFromInteger(sourceEnd),
    },
    connector: {
      committed: async () => {
        steps.push('committed')
        return left.length > 1 ? left.shift()! : left[0]!
      },
    },
    admin: {
      ends: async () => {
        steps.push('ends')
        return new Map([['t/0', ends++ as KafkaOffset]])
      },
      partitions: async () => ({}),
      settings: async () => ({}),
      create: async () => undefined,
      close: async () => undefined,
    },
  }
  return { given, steps }
}

test('reads the ends, then marks, waits for Connect to pass the marker, then reads the ends', async () => {
  const { given, steps } = parts([at(50), at(100), at(101)])
  const barrier = await takeBarrier(given, 1_000)
  expect(steps).toEqual(['ends', 'mark', 'committed', 'committed', 'committed', 'ends'])
  expect(barrier).toEqual({
    lsn: 100n,
    from: new Map([['t/0', 10n]]),
    ends: new Map([['t/0', 11n]]),
    takenAtMs: 77,
  })
})

test('does not trust an answer that a snapshot is under way in', async () => {
  const { given, steps } = parts([at(150, true), at(160)])
  await takeBarrier(given, 1_000)
  expect(steps.filter((step) => step === 'committed').length).toBe(2)
})

test('gives up when Connect does not pass the marker in time', async () => {
  expect(await takeBarrier(parts([at(50)]).given, 1_000)).toBeUndefined()
  expect(
    await takeBarrier(parts([{ commitLsn: undefined, snapshot: false }]).given, 1_000),
  ).toBeUndefined()
})

test('refuses an offset that the source has not written', async () => {
  await expect(takeBarrier(parts([at(5_000)]).given, 1_000)).rejects.toMatchObject({
    code: 'another-source',
  })
})
