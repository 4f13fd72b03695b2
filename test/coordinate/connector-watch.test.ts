import { ConnectorTask } from '../../src/coordinate/connector-task.ts'
import { watchConnector } from '../../src/coordinate/connector-watch.ts'
import { MillraceError } from '../../src/errors.ts'
import type { ConnectorStatus } from '../../src/source/connect.ts'
import type { Problem } from '../../src/store/state.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { recordedLog } from '../support/recorded-log.ts'

const failed = (reason: string | undefined = 'boom'): ConnectorStatus => ({
  state: 'failed',
  reason,
})
const running: ConnectorStatus = { state: 'running', reason: undefined }

let clock: ManualClock
let status: ConnectorStatus
let restarts: number
let reported: [string, Problem | undefined][]
let fault: MillraceError | Error | undefined
let task: ConnectorTask
let end: AbortController
let runs: Promise<void>[]

beforeEach(() => {
  clock = new ManualClock()
  status = running
  restarts = 0
  reported = []
  fault = undefined
  end = new AbortController()
  runs = []
  const connect = {
    status: async () => {
      if (fault) throw fault
      return status
    },
    restart: async () => void (restarts += 1),
  }
  task = new ConnectorTask({ connect, clock, log: recordedLog().log })
})

afterEach(async () => {
  end.abort()
  for (const run of runs) await clock.until(run.catch(() => undefined))
})

/** Watches for one view that writes down what is reported behind its name. */
function watch(view = 'connector', signal = end.signal): Promise<void> {
  const report = async (place: string, problem: Problem | undefined) => {
    expect(place).toBe('connector')
    reported.push([view, problem])
  }
  const run = watchConnector({ task, writer: { report }, clock }, signal)
  runs.push(run)
  return run
}

const messages = () => reported.map(([, problem]) => problem?.message)

test('a failed task is started again at once, and shown with its reason', async () => {
  status = failed()
  const sinceMs = clock.wallMs()
  void watch()
  await clock.advance(0)
  expect(restarts).toBe(1)
  expect(reported).toEqual([
    [
      'connector',
      {
        code: 'connector-failed',
        message: "the connector's task has failed: boom",
        hint: expect.stringContaining('growing pauses; the log of Connect'),
        sinceMs,
      },
    ],
  ])
})

test.each(['slot is gone', 'no such OFFSET', 'lsn 0/1', 'WAL removed'])(
  'a task that has failed for want of its slot leads to the README: %s',
  async (reason) => {
    status = failed(reason)
    void watch()
    await clock.advance(0)
    expect(reported[0]![1]!.hint).toContain('README')
  },
)

test('a task that gives no reason has failed all the same', async () => {
  status = { state: 'failed', reason: undefined }
  void watch()
  await clock.advance(0)
  expect(messages()).toEqual([expect.stringContaining('no reason given')])
})

test('each view shows the task that they share, which is started again once a pause', async () => {
  status = failed()
  void watch()
  await clock.advance(60_000)
  const alone = restarts
  for (const view of ['two', 'three', 'four']) {
    void watch(view)
    await clock.advance(700)
  }
  expect(new Set(reported.map(([view]) => view))).toEqual(
    new Set(['connector', 'two', 'three', 'four']),
  )
  const before = restarts
  await clock.advance(600_000)
  // Fifteen seconds at most, seven and a half at least.
  expect(restarts - before).toBeLessThanOrEqual(600 / 7.5)
  expect(alone).toBeGreaterThan(3)
})

test('another reason is shown in the place of the first', async () => {
  status = failed('one')
  void watch()
  await clock.advance(3_000)
  status = failed('two')
  await clock.advance(6_000)
  expect(messages()).toEqual([expect.stringContaining('one'), expect.stringContaining('two')])
})

test('a task that runs is shown no more, also one that failed under a former coordinator', async () => {
  void watch()
  await clock.advance(6_000)
  expect(messages()).toEqual([undefined])
  status = failed()
  await clock.advance(6_000)
  status = running
  await clock.advance(6_000)
  expect(reported.map(([, problem]) => problem?.code)).toEqual([
    undefined,
    'connector-failed',
    undefined,
  ])
})

test('whoever coordinates again knows nothing of what others have shown meanwhile', async () => {
  const lease = new AbortController()
  const first = watch('connector', lease.signal)
  await clock.advance(6_000)
  lease.abort()
  await clock.until(first)
  expect(messages()).toEqual([undefined])
  void watch()
  await clock.advance(0)
  expect(messages()).toEqual([undefined, undefined])
})

test.each(['starting', 'stopped'] as const)('a task that is %s is left alone', async (state) => {
  status = { state, reason: undefined }
  void watch()
  await clock.advance(10_000)
  expect(restarts).toBe(0)
  expect(reported).toEqual([])
})

test('Connect that is away is asked again every three seconds', async () => {
  fault = new MillraceError('connect-unavailable', 'x')
  void watch()
  await clock.advance(2_900)
  status = failed()
  fault = undefined
  expect(restarts).toBe(0)
  await clock.advance(200)
  expect(restarts).toBe(1)
})

test('a bug ends the watch', async () => {
  fault = new TypeError('a bug')
  await expect(watch()).rejects.toThrow('a bug')
})
