import { canonicalValue, formOf } from '../../src/kit/values.ts'
import { randomValue, randomValues } from '../../src/kit/random-values.ts'
import { Random } from '../../src/random.ts'
import { columnTypes } from '../../src/types/types.ts'
import { edges } from '../types/edges.ts'
import { examples } from './every-type.ts'

test('there are examples of every type', () => {
  expect(examples.map(({ type }) => type).toSorted()).toEqual(columnTypes.toSorted())
})

describe.each(examples)('$type', ({ type, values, wrong }) => {
  test.each(values)('%p has the text that it has in Postgres', (value, text) => {
    expect(String(canonicalValue(type, value))).toBe(text)
  })

  test.each(wrong.map((value) => [value]))('%p is none', (value) => {
    expect(canonicalValue(type, value)).toBeUndefined()
  })

  test('null is null, and people are told what else there is', () => {
    expect([canonicalValue(type, null), canonicalValue(type, undefined)]).toEqual([null, null])
    expect(formOf(type)).toMatch(/^\w.{3}/)
  })

  test('is what random values are made of', () => {
    const random = new Random(7)
    const all = Array.from({ length: 200 }, () => canonicalValue(type, randomValue(type, random)))
    expect(all).not.toContain(undefined)
    expect(all).not.toContain(null)
    expect(new Set(all).size).toBeGreaterThanOrEqual(type === 'boolean' ? 2 : 6)
    expect(randomValues(type, random, 4).length).toBe(type === 'boolean' ? 2 : 4)
  })
})

/** Canonical text is taken as it is, of types that are written as text. */
const written = edges.filter(({ type }) => !/json|bytea|boolean|\[\]/.test(type))
test.each(written)('every edge of $type is taken', ({ type, values }) => {
  for (const [, text] of values) expect(String(canonicalValue(type, text))).toBe(text)
})
