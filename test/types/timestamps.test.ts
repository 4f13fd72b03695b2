import * as fc from 'fast-check'
import { canonicalTimestamp } from '../../src/types/timestamps.ts'
import { typeOf } from '../../src/types/types.ts'

describe('a timestamp in its canonical form', () => {
  test.each([
    ['2026-11-21T10:18:00Z', '2026-11-21T10:18:00.000000Z'],
    ['2026-11-21T10:18:00.5Z', '2026-11-21T10:18:00.500000Z'],
    ['2026-11-21T10:18:00.123456Z', '2026-11-21T10:18:00.123456Z'],
    ['2026-11-21T10:18:00.123456000Z', '2026-11-21T10:18:00.123456Z'],
    ['2026-11-21T12:18:00.123456+02:00', '2026-11-21T10:18:00.123456Z'],
    ['2026-11-21T04:48:00-05:30', '2026-11-21T10:18:00.000000Z'],
    ['2026-11-21T10:18+00', '2026-11-21T10:18:00.000000Z'],
    ['1800-01-01T00:53:28+00:53:28', '1800-01-01T00:00:00.000000Z'],
    ['2026-12-31T23:30:00-01:00', '2027-01-01T00:30:00.000000Z'],
    ['9999-12-31T23:30:00-01:00', '+10000-01-01T00:30:00.000000Z'],
    ['0050-06-01T00:00:00+00:00', '0050-06-01T00:00:00.000000Z'],
    ['0000-06-01T00:00:00.5Z', '0000-06-01T00:00:00.500000Z'],
    ['0000-06-01T00:00:00+00:00', '0000-06-01T00:00:00.000000Z'],
    ['9999-06-01T00:00:00+00:00', '9999-06-01T00:00:00.000000Z'],
    ['-0043-03-15T12:00:00Z', '-0043-03-15T12:00:00.000000Z'],
    ['0000-01-01T00:30:00+01:00', '-0001-12-31T23:30:00.000000Z'],
    ['+294276-12-31T23:59:59.999999Z', '+294276-12-31T23:59:59.999999Z'],
    ['2024-02-29T00:00:00+00:00', '2024-02-29T00:00:00.000000Z'],
    ['infinity', 'infinity'],
    ['-infinity', '-infinity'],
  ])('of %s is %s', (text, canonical) => {
    expect(canonicalTimestamp(text)).toBe(canonical)
  })

  test.each([
    '',
    'now',
    '2026-11-21',
    '2026-11-21T10:18:00',
    '2026-13-21T10:18:00Z',
    '2026-11-21T24:00:00Z',
    '2026-02-30T00:00:00+00:00',
    '2026-11-21T10:18:00.1234567Z',
    '2026-11-21 10:18:00Z',
    '20261-11-21T10:18:00.Z',
    '２０２６-11-21T10:18:00Z',
  ])('is refused for %p', (text) => {
    expect(canonicalTimestamp(text)).toBeUndefined()
  })

  test('names the same moment, whatever the offset, and is its own canonical form', () => {
    const minutes = fc.integer({ min: -18 * 60, max: 18 * 60 })
    fc.assert(
      fc.property(
        fc.date({ noInvalidDate: true, min: new Date('0002-01-01'), max: new Date('9998-01-01') }),
        minutes,
        (date, offset) => {
          const local = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, -1)
          const pad = (part: number) => String(Math.floor(part)).padStart(2, '0')
          const size = Math.abs(offset)
          const text = `${local}${offset < 0 ? '-' : '+'}${pad(size / 60)}:${pad(size % 60)}`
          const canonical = canonicalTimestamp(text)
          expect(canonical).toBe(`${date.toISOString().slice(0, -1)}000Z`)
          expect(canonicalTimestamp(canonical!)).toBe(canonical)
        },
      ),
    )
  })
})

test.each([
  '2026-02-30T00:00:00.000000Z',
  '2026-13-01T00:00:00.000000Z',
  '2026-11-00T00:00:00.000000Z',
  '2026-11-21T24:00:00.000000Z',
  '2026-11-21T23:60:00.000000Z',
  '2026-11-21T23:59:59.99999Z',
  '+2026-11-21T00:00:00.000000Z',
  '-0000-11-21T00:00:00.000000Z',
  '2026-11-21T00:00:00.000000TZ',
  '2026-11-21T00:00:00.000000',
  '2026-11-21',
])('%s is no moment', (text) => {
  const { constant, order } = typeOf('timestamptz')
  expect(constant!.isValue(text)).toBe(false)
  expect(order!.spell(text, 0)).toBeUndefined()
})

test.each([
  '2026-11-21T23:59:59.999999Z',
  '2024-02-29T00:00:00.000000Z',
  '+10000-01-01T00:00:00.000000Z',
  '-0001-12-31T10:18:00.000001Z',
  'infinity',
])('%s is read as it was spelled', (text) => {
  const order = typeOf('timestamptz').order!
  expect(order.read(order.spell(text, 0)!, 0)).toBe(text)
})
