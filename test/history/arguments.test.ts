import { MillraceError } from '../../src/errors.ts'
import { parseHistoryArgs } from './arguments.ts'

test('minutes and seed are taken as they are given', () => {
  expect(parseHistoryArgs(['--minutes', '60', '--seed', '5'])).toEqual({ minutes: 60, seed: 5 })
})

test('without a seed each run has another one', () => {
  const seeds = new Set(Array.from({ length: 5 }, () => parseHistoryArgs([]).seed))
  expect(seeds.size).toBeGreaterThan(1)
})

test.each([
  [['--minutes', '0'], 'minutes'],
  [['--minutes', 'ten'], 'minutes'],
  [['--minutes', '1.5'], 'minutes'],
  [['--minutes'], 'minutes'],
  [['--seed', '-1'], 'seed'],
  [['--hours', '1'], 'hours'],
  [['10'], '10'],
])('%j is refused, with the name of what is wrong', (args, name) => {
  let error: unknown
  try {
    parseHistoryArgs(args)
  } catch (thrown) {
    error = thrown
  }
  expect(error).toBeInstanceOf(MillraceError)
  expect((error as MillraceError).code).toBe('arguments')
  expect((error as MillraceError).message).toContain(name)
  expect((error as MillraceError).hint).toContain('--minutes')
})
