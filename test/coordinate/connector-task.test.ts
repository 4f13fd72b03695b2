import { ConnectorTask } from '../../src/coordinate/connector-task.ts'
import { MillraceError } from '../../src/errors.ts'
import type { ConnectorStatus } from '../../src/source/connect.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { recordedLog } from '../support/recorded-log.ts'

const failed = (reason: string | undefined = 'boom'): ConnectorStatus => ({
  state: 'failed',
  reason,
})
const running: ConnectorStatus = { state: 'running', reason: undefined }

let clock: ManualClock
let status: ConnectorStatus
let asked: number
let restarts: number[]
let refusal: MillraceError | undefined
let recorded: ReturnType<typeof recordedLog>
let task: ConnectorTask

beforeEach(() => {
  clock = new ManualClock()
  status = running
  asked = 0
  restarts = []
  refusal = undefined
  recorded = recordedLog()
  task = new ConnectorTask({
    connect: {
      status: async () => {
        asked += 1
        return status
      },
      restart: async () => {
        restarts.push(clock.monotonicMs())
        if (refusal) throw refusal
      },
    },
    clock,
    log: recorded.log,
  })
})

/** Looks every three seconds for so long, as each of so many views does in its turn. */
async function watch(ms: number, views = 1): Promise<void> {
  const untilMs = clock.monotonicMs() + ms
  while (clock.monotonicMs() < untilMs) {
    for (let view = 0; view < views; view += 1) {
      await task.look()
      await clock.advance(3_000 / views)
    }
  }
}

/** The times between restarts, milliseconds. */
const pauses = () => restarts.slice(1).map((ms, index) => ms - restarts[index]!)

test('a failed task is started again at once', async () => {
  status = failed()
  expect(await task.look()).toEqual(status)
  expect(restarts).toHaveLength(1)
  expect(recorded.lines).toMatchObject([
    { level: 'warn', reason: 'boom', hint: expect.stringContaining('the log of Connect') },
  ])
})

test('a task that gives no reason has failed all the same', async () => {
  status = { state: 'failed', reason: undefined }
  await task.look()
  expect(recorded.lines).toMatchObject([{ level: 'warn', reason: 'no reason given' }])
})

test.each([1, 20])(
  'a task that goes on failing is started again after growing pauses, for %i views',
  async (views) => {
    status = failed()
    await watch(3_600_000, views)
    const [first, ...others] = pauses()
    expect(first).toBeLessThanOrEqual(3_000)
    expect(others.length).toBeGreaterThan(5)
    for (const [index, pause] of others.entries()) {
      const ceiling = Math.min(15_000, 1_000 * 2 ** (index + 1))
      expect(pause).toBeGreaterThanOrEqual(ceiling / 2)
      expect(pause).toBeLessThanOrEqual(ceiling + 3_000)
    }
    // The same reason again and again is no news for whoever reads the log.
    expect(recorded.lines.map(({ level }) => level)).toEqual([
      'warn',
      ...others.map(() => 'debug'),
      'debug',
    ])
  },
)

test('views that look at once are told of one answer, and the task is started again once', async () => {
  status = failed()
  const looks = await Promise.all([task.look(), task.look(), task.look()])
  expect(looks).toEqual([status, status, status])
  expect([asked, restarts.length]).toEqual([1, 1])
  await clock.advance(1_999)
  status = running
  expect(await task.look()).toEqual(failed())
  await clock.advance(1)
  expect(await task.look()).toEqual(running)
  expect(asked).toBe(2)
})

test('Connect is asked no more often than every two seconds, whatever the number of views', async () => {
  await watch(60_000, 20)
  expect(asked).toBeLessThanOrEqual(31)
})

test.each(['starting', 'stopped'] as const)('a task that is %s is left alone', async (state) => {
  status = { state, reason: undefined }
  await task.look()
  expect(restarts).toEqual([])
})

test('a task that has run for a minute is well again, and started at once when it fails', async () => {
  status = failed()
  await watch(60_000)
  status = running
  await watch(63_000)
  const before = restarts.length
  status = failed()
  await watch(6_000)
  expect(restarts.length).toBe(before + 2)
  const again = recorded.lines.filter(({ level }) => level === 'warn')
  expect(again).toHaveLength(2)
})

test('a task that has run for less is not', async () => {
  status = failed()
  await watch(60_000)
  status = running
  await watch(54_000)
  const before = restarts.length
  status = failed()
  await watch(6_000)
  expect(restarts.length).toBeLessThanOrEqual(before + 1)
})

test('a task that can not be started again is told of', async () => {
  status = failed()
  refusal = new MillraceError('connect-refused', 'no right')
  await task.look()
  expect(recorded.lines.map(({ reason }) => reason)).toEqual(['boom', 'no right'])
})

describe('a restart that views ask for', () => {
  test('is one for all who ask within a moment', async () => {
    const first = task.restart()
    await clock.advance(1_000)
    const others = [task.restart(), task.restart()]
    expect(restarts).toEqual([])
    await clock.until(Promise.all([first, ...others]))
    expect(restarts).toHaveLength(1)
    expect(recorded.lines).toMatchObject([{ level: 'info', msg: 'the connector is restarted' }])
  })

  test('is another one for who asks after it has begun', async () => {
    await clock.until(task.restart())
    await clock.until(task.restart())
    expect(restarts).toHaveLength(2)
  })

  test('that Connect refuses is refused to all who asked, and asked for again by the next', async () => {
    refusal = new MillraceError('connect-unavailable', 'nobody answers')
    const asking = Promise.allSettled([task.restart(), task.restart()])
    const refused = { status: 'rejected', reason: refusal }
    expect(await clock.until(asking)).toEqual([refused, refused])
    refusal = undefined
    await clock.until(task.restart())
    expect(restarts).toHaveLength(2)
  })
})
