import { MillraceError } from '../../src/errors.ts'
import {
  declarationId,
  decodeView,
  encodeView,
  mergeViews,
  storedBeside,
} from '../../src/view/declarations.ts'
import { countOf, from } from '../../src/view/define-view.ts'
import { windowOf } from '../../src/view/window-of.ts'
import { changesBetween } from '../../src/plan/declaration-plan.ts'
import { daysKept } from '../support/library-days.ts'

function faultOf(...declared: Parameters<typeof daysKept>): string {
  try {
    daysKept(...declared)
  } catch (error) {
    if (error instanceof MillraceError) return error.message
    throw error
  }
  return 'none'
}

test.each(['60 days', '1 day', '24 hours', '36 hours', '86400 seconds'])('%s is kept', (keep) => {
  expect(faultOf(keep)).toBe('none')
})

test.each([
  ['2 months', `keep '2 months' is no length of time: write '60 days', '36 hours' or '10 minutes'`],
  ['', `keep '' is no length of time`],
  ['-1 day', `keep '-1 day' is no length of time`],
  ['23 hours', `keep '23 hours' is shorter than 1 day, which day spans`],
])('%j is not', (keep, fault) => {
  expect(faultOf(keep)).toContain(fault)
})

test('keep needs one part of the key that is a time, and no second one', () => {
  const by = (...columns: string[]) => ({ bookCount: countOf('books', { by: columns }) })
  expect(faultOf('60 days', { key: { id: 'bigint' }, aggregates: by('author') })).toContain(
    `keep needs a part of the key that is a time: a date, or a window as windowOf('timestamptz', '1 day')`,
  )
  const two = { day: 'date', at: windowOf('timestamptz', '5 minutes') } as const
  expect(faultOf('60 days', { key: two, aggregates: by('day', 'at') })).toContain(
    'day and at are times: with keep, a key has exactly one',
  )
  expect(faultOf(undefined, { key: two, aggregates: by('day', 'at') })).toBe('none')
})

test('a date in the key of an owning row is such a part', () => {
  const row = from('days', { key: ['author', 'day'], fields: {} })
  const key = { authorId: 'bigint', day: 'date' } as const
  expect(daysKept('60 days', { key, row, aggregates: {} }).keep).toBe(60 * 86_400)
})

test('how long a view keeps its entries is of its declaration, and not of what it stores', () => {
  const [long, short, all] = ['60 days', '30 days', undefined].map((keep) => daysKept(keep))
  const ids = [long!, short!, all!].map(declarationId)
  expect(new Set(ids).size).toBe(3)
  expect(decodeView(encodeView(long!)).keep).toBe(60 * 86_400)
  expect(decodeView(encodeView(all!)).keep).toBeUndefined()
  expect(storedBeside(short!, [long!])).toMatchObject({
    keep: 30 * 86_400,
    counts: [{ stored: 'bookCount' }],
  })
})

test('of several declarations the longest time counts, and for ever outlasts all', () => {
  const [long, short, all] = ['60 days', '30 days', undefined].map((keep) => daysKept(keep))
  expect(mergeViews([short!, long!]).keep).toBe(60 * 86_400)
  expect(mergeViews([long!, short!]).keep).toBe(60 * 86_400)
  expect(mergeViews([long!, all!, short!]).keep).toBeUndefined()
})

test('a plan says that the time has changed', () => {
  expect(changesBetween(daysKept('60 days'), daysKept('36 hours'))).toEqual([
    '~ entries are kept for 36 hours, until now for 60 days',
  ])
  expect(changesBetween(daysKept('60 days'), daysKept(undefined))).toEqual([
    '~ entries are kept for ever, until now for 60 days',
  ])
})
