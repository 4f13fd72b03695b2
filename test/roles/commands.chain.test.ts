/** What the commands print of a view on the real chain, for people and for programs. */
import { type ChainHarness, harnessForEachTest, testTimeoutMs } from '../support/chain-harness.ts'
import { until } from '../support/wait.ts'

describe('the commands', () => {
  let harness: ChainHarness
  harnessForEachTest((opened) => {
    harness = opened
  })

  async function json(...args: readonly string[]) {
    const { code, output } = await harness.run([...args, '--json'])
    return { code, value: JSON.parse(output) as unknown }
  }

  /** After a first lap the worker's own looks rest for minutes, so that they do not come first. */
  async function serveWithRestingLooks(): Promise<void> {
    harness.startWorker('worker-a', { MILLRACE_LOOK_ROWS_PER_SECOND: '1' })
    await harness.untilServing()
    await until('the worker rests', async () => {
      const pass = await harness.pass()
      return pass?.lap === 2 && pass.section === 'store'
    })
  }

  test(
    'status shows how a view stands in its store, also before it is begun',
    async () => {
      const absent = await harness.run(['status'])
      expect([absent.code, absent.output]).toEqual([0, expect.stringContaining('absent')])
      await serveWithRestingLooks()
      const { code, output } = await harness.run(['status'])
      const [headings = '', line = '', ...more] = output.split('\n')
      expect([code, more]).toEqual([0, []])
      expect(headings.split(/ {2,}/)).toEqual(
        'view,phase,watermark,age,entries,doubts,parked,last pass,nines'.split(','),
      )
      const [view, phase, watermark, age, entries, doubts, parked, pass] = line.split(/ {2,}/)
      expect([view, phase, doubts, parked]).toEqual(['user-information', 'serving', '0', '0'])
      expect([watermark, age, entries, pass]).toEqual([
        expect.stringMatching(/^[0-9A-F]+\/[0-9A-F]+$/),
        expect.stringMatching(/^\d+ (ms|s)$/),
        expect.stringMatching(/^[1-9]\d*$/),
        expect.stringMatching(/ago$/),
      ])
      expect(await json('status')).toMatchObject({
        code: 0,
        value: { views: [{ name: 'user-information', store: 'redis', phase: 'serving' }] },
      })
    },
    testTimeoutMs,
  )

  test(
    'verify, explain and parked print JSON for programs, and nothing beside it',
    async () => {
      await serveWithRestingLooks()
      expect(await json('verify')).toMatchObject({
        code: 0,
        value: {
          views: [
            {
              view: 'user-information',
              store: 'redis',
              failure: null,
              complete: true,
              wrong: [],
              unproved: [],
            },
          ],
        },
      })
      await harness.redis.hincrby('user-information:1', 'tweet-count', 7)
      const wrong = await json('explain', '1')
      expect(wrong).toMatchObject({
        code: 1,
        value: {
          view: 'user-information',
          key: '1',
          since: 'barrier',
          sql: { tweetCount: expect.stringMatching(/^\d+$/) as string },
          verdict: 'wrong',
          differences: [{ field: 'tweetCount' }],
        },
      })
      expect(await json('verify', '--heal')).toMatchObject({
        code: 0,
        value: { views: [{ wrong: [{ key: '1', field: 'tweetCount', healed: true }] }] },
      })
      const { code, output } = await harness.run(['explain', '1'])
      const right = expect.stringContaining('right: the entry is what SQL says') as string
      expect([code, output]).toEqual([0, right])
      expect(await json('parked')).toEqual({
        code: 0,
        value: {
          views: [
            {
              view: 'user-information',
              store: 'redis',
              failure: null,
              parked: 0,
              records: [],
              forgotten: 0,
              displaced: [],
            },
          ],
        },
      })
    },
    testTimeoutMs,
  )
})
