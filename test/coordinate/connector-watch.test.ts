import { ConnectorWatch } from '../../src/coordinate/connector-watch.ts'
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
let restarts: number[]
let reported: [string, Problem | undefined][]
let recorded: ReturnType<typeof recordedLog>
let fault: MillraceError | Error | undefined
let watch: ConnectorWatch
let end: AbortController
let run: Promise<void> | undefined

beforeEach(() => {
  clock = new ManualClock()
  status = running
  restarts = []
  reported = []
  recorded = recordedLog()
  fault = undefined
  end = new AbortController()
  run = undefined
  watch = new ConnectorWatch({
    connect: {
      status: async () => {
        if (fault) throw fault
        return status
      },
      restart: async () => void restarts.push(clock.monotonicMs()),
    },
    writer: { report: async (place, problem) => void reported.push([place, problem]) },
    clock,
    log: recorded.log,
  })
})

afterEach(async () => {
  end.abort()
  await run
})

/** The times between restarts, milliseconds. */
const pauses = () => restarts.slice(1).map((ms, index) => ms - restarts[index]!)

test('a failed task is started again at once, and shown with its reason', async () => {
  status = failed()
  const sinceMs = clock.wallMs()
  await watch.look()
  expect(restarts).toHaveLength(1)
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
  expect(recorded.lines).toMatchObject([{ level: 'warn', reason: 'boom' }])
})

test.each(['slot is gone', 'no such OFFSET', 'lsn 0/1', 'WAL removed'])(
  'a task that has failed for want of its slot leads to the README: %s',
  async (reason) => {
    status = failed(reason)
    await watch.look()
    expect(reported[0]![1]!.hint).toContain('README')
  },
)

test('a task that gives no reason has failed all the same', async () => {
  status = { state: 'failed', reason: undefined }
  await watch.look()
  expect(reported[0]![1]!.message).toContain('no reason given')
})

test('a task that goes on failing is started again after growing pauses', async () => {
  status = failed()
  run = watch.run(end.signal)
  await clock.advance(3_600_000)
  const [first, ...others] = pauses()
  expect(first).toBe(3_000)
  expect(others.length).toBeGreaterThan(5)
  for (const [index, pause] of others.entries()) {
    const ceiling = Math.min(15_000, 1_000 * 2 ** (index + 1))
    expect(pause).toBeGreaterThanOrEqual(ceiling / 2)
    expect(pause).toBeLessThanOrEqual(ceiling + 3_000)
  }
  expect(others.at(-1)).toBeGreaterThanOrEqual(7_500)
  expect(reported).toHaveLength(1)
  // The same reason again and again is no news for whoever reads the log.
  expect(recorded.lines.map(({ level }) => level)).toEqual([
    'warn',
    ...others.map(() => 'debug'),
    'debug',
  ])
})

test('another reason is shown in the place of the first', async () => {
  status = failed('one')
  await watch.look()
  status = failed('two')
  await watch.look()
  await watch.look()
  expect(reported.map(([, problem]) => problem?.message)).toEqual([
    expect.stringContaining('one'),
    expect.stringContaining('two'),
  ])
})

test('a task that runs is shown no more, also one that failed under a former coordinator', async () => {
  await watch.look()
  await watch.look()
  expect(reported).toEqual([['connector', undefined]])
  status = failed()
  await watch.look()
  status = running
  await watch.look()
  expect(reported.map(([, problem]) => problem?.code)).toEqual([
    undefined,
    'connector-failed',
    undefined,
  ])
})

test.each(['starting', 'stopped'] as const)('a task that is %s is left alone', async (state) => {
  status = { state, reason: undefined }
  await watch.look()
  expect(restarts).toEqual([])
  expect(reported).toEqual([])
})

test('a task that has run for a minute is well again, and started at once when it fails', async () => {
  run = watch.run(end.signal)
  status = failed()
  await clock.advance(60_000)
  status = running
  await clock.advance(63_000)
  const before = restarts.length
  status = failed()
  await clock.advance(6_100)
  expect(restarts.length).toBe(before + 2)
})

test('a task that has run for less is not', async () => {
  run = watch.run(end.signal)
  status = failed()
  await clock.advance(60_000)
  status = running
  await clock.advance(54_000)
  const before = restarts.length
  status = failed()
  await clock.advance(6_100)
  expect(restarts.length).toBeLessThanOrEqual(before + 1)
})

test('Connect that is away is asked again every three seconds', async () => {
  fault = new MillraceError('connect-unavailable', 'x')
  run = watch.run(end.signal)
  await clock.advance(2_900)
  status = failed()
  fault = undefined
  expect(restarts).toEqual([])
  await clock.advance(200)
  expect(restarts).toHaveLength(1)
})

test('a task that can not be started again is told of', async () => {
  status = failed()
  const refusing = new ConnectorWatch({
    connect: {
      status: async () => status,
      restart: () => Promise.reject(new MillraceError('connect-refused', 'no right')),
    },
    writer: { report: async () => undefined },
    clock,
    log: recorded.log,
  })
  await refusing.look()
  expect(recorded.lines.map(({ reason }) => reason)).toEqual(['boom', 'no right'])
})

test('a bug ends the watch', async () => {
  fault = new TypeError('a bug')
  await expect(watch.run(end.signal)).rejects.toThrow('a bug')
})
