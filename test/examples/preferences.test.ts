import config from '../../examples/motors/millrace.config.ts'
import { lastDays, preferencesOf } from '../../examples/motors/preferences.ts'

test('a value of a day counts half as much as one of a half-life later, and shares are 1 together', () => {
  const days = [
    { daysAgo: 0, counts: { colour: [{ value: 'green', count: 1 }] } },
    { daysAgo: 7, counts: { colour: [{ value: 'red', count: 6 }] } },
    { daysAgo: 14, counts: { colour: [{ value: 'green', count: 4 }] } },
  ]
  expect(preferencesOf(days, ['colour'], 7)).toEqual({
    colour: [
      { value: 'red', share: 0.6 },
      { value: 'green', share: 0.4 },
    ],
  })
})

test('equal shares stand by the text of their values', () => {
  const doors = [5, 10, 3].map((value) => ({ value, count: 2 }))
  const { doors: found } = preferencesOf([{ daysAgo: 0, counts: { doors } }], ['doors'], 1)
  expect(found!.map(({ value }) => value)).toEqual([10, 3, 5])
})

test('a dimension that nobody told anything of is empty', () => {
  expect(preferencesOf([], ['make'], 7)).toEqual({ make: [] })
  expect(preferencesOf([{ daysAgo: 1, counts: {} }], ['make'], 7)).toEqual({ make: [] })
})

test('the last days begin with the one that is named, over the ends of months and years', () => {
  expect(lastDays('2024-03-01', 3)).toEqual(['2024-03-01', '2024-02-29', '2024-02-28'])
  expect(lastDays('2026-01-01', 2)).toEqual(['2026-01-01', '2025-12-31'])
})

test('every day of the century is taken, and what is no day is refused', () => {
  const [, preferences] = config.views
  const { until } = preferences!.respond!.query
  const pattern = until?.type === 'string' ? until.pattern! : ''
  const expression = new RegExp(pattern, 'u')
  const padded = (number: number) => String(number).padStart(2, '0')
  const wrong: string[] = []
  for (let at = 0; at < 100 * 20 * 40; at += 1) {
    const [year, month, day] = [Math.floor(at / 800), Math.floor(at / 40) % 20, at % 40]
    const text = `20${padded(year)}-${padded(month)}-${padded(day)}`
    const isDay = new Date(Date.UTC(2000 + year, month - 1, day)).toISOString().startsWith(text)
    if (expression.test(text) !== isDay) wrong.push(text)
  }
  expect(wrong).toEqual([])
  const strange = ['2026-1-01', '2026-01-011', ' 2026-01-01', '2026-01-01T00:00', '12026-01-01']
  expect(strange.filter((text) => expression.test(text))).toEqual([])
})
