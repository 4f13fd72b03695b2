import { MillraceError } from '../../src/errors.ts'
import { ReportedProblem } from '../../src/partition/problem.ts'
import type { Problem } from '../../src/store/state.ts'
import type { ViewWriter } from '../../src/store/writer.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { recordedLog } from '../support/recorded-log.ts'

const gone = new MillraceError('column-gone', 'column author is gone', { hint: 'bring it back' })
const away = new MillraceError('kafka-away', 'no broker answers')
const refused = new MillraceError('store-refused', 'no right to write')

function fixture() {
  const clock = new ManualClock()
  const { log, lines } = recordedLog()
  const reported: [string, Problem | undefined][] = []
  const state = { failing: false }
  const writer = {
    report: async (place: string, problem: Problem | undefined) => {
      if (state.failing) throw new MillraceError('store-away', 'x')
      reported.push([place, problem])
    },
  } as ViewWriter
  const reader = { partition: { topic: 'books', partition: 3 } } as never
  const problem = new ReportedProblem({ reader, clock, log })
  return { clock, lines, reported, state, writer, problem }
}

test('a problem is shown once, with its time', async () => {
  const { clock, reported, writer, problem, lines } = fixture()
  const sinceMs = clock.wallMs()
  await problem.report(writer, gone)
  await clock.advance(1_000)
  await problem.report(writer, gone)
  const shown = { code: 'column-gone', message: 'column author is gone', hint: 'bring it back' }
  expect(reported).toEqual([['books/3', { ...shown, sinceMs }]])
  expect(lines).toMatchObject([{ level: 'error', code: 'column-gone' }])
})

test('another problem takes the place of the first', async () => {
  const { reported, writer, problem } = fixture()
  await problem.report(writer, gone)
  await problem.report(writer, refused)
  await problem.report(writer, gone)
  expect(reported.map(([, shown]) => shown?.code)).toEqual([
    'column-gone',
    'store-refused',
    'column-gone',
  ])
})

test('what passes by itself is logged once and not shown', async () => {
  const { reported, writer, problem, lines } = fixture()
  await problem.report(writer, away)
  await problem.report(writer, away)
  expect(reported).toEqual([])
  expect(lines).toMatchObject([{ level: 'warn', code: 'kafka-away', reason: 'no broker answers' }])
})

test('a problem without a writer is logged alone, and shown when there is one', async () => {
  const { reported, writer, problem, lines } = fixture()
  await problem.report(undefined, gone)
  expect(reported).toEqual([])
  await problem.report(writer, gone)
  expect(reported).toHaveLength(1)
  expect(lines).toHaveLength(1)
})

test('a store that is away is told again', async () => {
  const { reported, state, writer, problem } = fixture()
  state.failing = true
  await problem.report(writer, gone)
  state.failing = false
  await problem.report(writer, gone)
  expect(reported).toHaveLength(1)
})

test('clearing removes also what a former owner has left, once', async () => {
  const { reported, writer, problem } = fixture()
  await problem.clear(writer)
  await problem.clear(writer)
  expect(reported).toEqual([['books/3', undefined]])
})

test('what was cleared is shown and logged again when it comes again', async () => {
  const { reported, writer, problem, lines } = fixture()
  await problem.report(writer, gone)
  await problem.clear(writer)
  await problem.clear(writer)
  await problem.report(writer, gone)
  expect(reported.map(([, shown]) => shown?.code)).toEqual([
    'column-gone',
    undefined,
    'column-gone',
  ])
  expect(lines).toHaveLength(2)
})

test('clearing that fails is tried again', async () => {
  const { reported, state, writer, problem } = fixture()
  state.failing = true
  await expect(problem.clear(writer)).rejects.toMatchObject({ code: 'store-away' })
  state.failing = false
  await problem.clear(writer)
  expect(reported).toEqual([['books/3', undefined]])
})
