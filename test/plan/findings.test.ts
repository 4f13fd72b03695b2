import { connectorFindings, slotFindings, viewFindings } from '../../src/plan/findings.ts'
import type { StoreStatus } from '../../src/store/reader.ts'
import type { StandingDoubt, ViewState } from '../../src/store/state.ts'

const asked = { view: 'shelves', store: 'redis', declaration: 'd1', freshWithinMs: 10_000 }

function status(changed: Partial<StoreStatus> = {}, doubts: readonly StandingDoubt[] = []) {
  const declarations = [{ id: 'd1', declaration: '', complete: true }]
  const state = { declarations, doubts } as unknown as ViewState
  return { state, ageMs: 10_000, parked: 0, problems: new Map(), evicted: 0, ...changed }
}

const found = (given: StoreStatus) => viewFindings(given, asked).map(({ what }) => what)

test('a view that is fresh and right has no finding', () => {
  expect(found(status())).toEqual([])
  expect(found(status({ evicted: undefined, ageMs: undefined }))).toEqual([])
})

test('everything that is wrong with a view is one finding, with a cure', () => {
  const problem = { code: 'column-gone', message: 'no column', hint: 'Add it.', sinceMs: 0 }
  const doubt = { reason: 'boxes was truncated', hint: undefined } as StandingDoubt
  const all = viewFindings(
    status({ ageMs: 10_001, parked: 2, evicted: 5, problems: new Map([['t/0', problem]]) }, [
      doubt,
    ]),
    asked,
  )
  expect(all.map(({ what }) => what)).toEqual([
    'view shelves is 10 s behind the source',
    't/0 stands still: no column',
    'view shelves is in doubt: boxes was truncated',
    '2 records of view shelves could not be decoded',
    'redis has dropped 5 keys to make room since it started',
  ])
  expect(
    all.every(({ cure, view, where, answered }) => {
      return cure !== null && view === 'shelves' && where === 'redis' && answered
    }),
  ).toBe(true)
})

test('a view that was not begun, or is being built, is one', () => {
  expect(found(status({ state: undefined }))).toEqual(['view shelves was not begun'])
  const problem = { code: 'declaration-unknown', message: 'another', hint: 'apply', sinceMs: 0 }
  const problems = new Map([['view', problem]])
  expect(viewFindings(status({ state: undefined, problems }), asked)).toMatchObject([
    { what: 'view shelves was not begun' },
    { what: 'view stands still: another', cure: 'apply' },
  ])
  const state = {
    declarations: [{ id: 'd1', declaration: '', complete: false }],
    doubts: [],
  } as unknown as ViewState
  expect(found(status({ state }))).toEqual(['view shelves is being built'])
})

test('a slot is missing, not read, about to be lost, or keeps much log', () => {
  const slot = { active: true, walStatus: 'reserved', walBytes: 2 ** 30 }
  const of = (given: typeof slot | undefined) => slotFindings('s', given).map(({ what }) => what)
  expect(of(slot)).toEqual([])
  expect(of(undefined)).toEqual(['there is no replication slot s'])
  expect(of({ active: false, walStatus: 'unreserved', walBytes: 2.5 * 2 ** 30 })).toEqual([
    'nobody reads the replication slot s',
    "the slot's log is unreserved",
    'the source keeps 2.5 GiB of log for the slot s',
  ])
})

test('a connector runs, or says why not', () => {
  const of = (state: 'running' | 'failed' | 'stopped' | 'starting', reason?: string) =>
    connectorFindings('c', { state, reason }).map(({ what }) => what)
  expect(of('running')).toEqual([])
  expect(of('failed', 'no password')).toEqual(['the task of connector c has failed: no password'])
  expect(of('stopped')).toEqual(['connector c is stopped'])
  expect(of('starting')).toEqual(['connector c is starting'])
})
