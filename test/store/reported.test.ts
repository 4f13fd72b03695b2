import type { ViewWriter } from '../../src/store/writer.ts'
import { Reported } from '../../src/store/reported.ts'
import { MillraceError } from '../../src/errors.ts'
import type { Problem } from '../../src/store/state.ts'
import { ManualClock } from '../support/manual-clock.ts'

let clock: ManualClock
let written: [string, Problem | undefined][]
let failure: Error | undefined
let writer: Pick<ViewWriter, 'report'>
let reported: Reported

beforeEach(() => {
  clock = new ManualClock()
  written = []
  failure = undefined
  const report = async (place: string, problem: Problem | undefined) => {
    if (failure) throw failure
    written.push([place, problem])
  }
  writer = { report }
  reported = new Reported(clock, 'connector')
})

const fault = (message = 'it has failed') =>
  new MillraceError('connector-failed', message, { hint: 'Look at its log.' })

test('a fault is written down with its time, once', async () => {
  await reported.report(writer, fault())
  await reported.report(writer, fault())
  const problem = {
    code: 'connector-failed',
    message: 'it has failed',
    hint: 'Look at its log.',
    sinceMs: clock.wallMs(),
  }
  expect(written).toEqual([['connector', problem]])
})

test('another fault takes its place, and the end of all faults clears it', async () => {
  await reported.report(writer, fault())
  await reported.report(writer, fault('in another way'))
  await reported.report(writer, undefined)
  await reported.report(writer, undefined)
  await reported.report(writer, fault())
  expect(written.map(([, problem]) => problem?.message)).toEqual([
    'it has failed',
    'in another way',
    undefined,
    'it has failed',
  ])
})

test('what somebody has left there before is cleared at first', async () => {
  await reported.report(writer, undefined)
  await reported.report(writer, undefined)
  expect(written).toEqual([['connector', undefined]])
})

test('what stands is written down again every 30 seconds: the store may have been put back', async () => {
  const sinceMs = clock.wallMs()
  await reported.report(writer, fault())
  await clock.advance(29_999)
  await reported.report(writer, fault())
  expect(written).toHaveLength(1)
  await clock.advance(1)
  await reported.report(writer, fault())
  await reported.report(writer, fault())
  expect(written.map(([, problem]) => problem?.sinceMs)).toEqual([sinceMs, sinceMs])
  await reported.report(writer, undefined)
  await clock.advance(30_000)
  await reported.report(writer, undefined)
  expect(written.slice(2)).toEqual([
    ['connector', undefined],
    ['connector', undefined],
  ])
  await reported.report(writer, fault())
  expect(written.at(-1)![1]!.sinceMs).toBe(clock.wallMs())
})

test('what the store could not take is written the next time', async () => {
  failure = new MillraceError('store-away', 'no route')
  await expect(reported.report(writer, fault())).rejects.toBe(failure)
  failure = undefined
  await reported.report(writer, fault())
  expect(written.length).toBe(1)
})
