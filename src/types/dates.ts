import { named, plain, quoted, ranked, shapes } from './forms.ts'
import { dayText, daysOf, postgresMoment, yearSql } from './moments.ts'
import { byRank } from './orders.ts'
import type { ConnectorNeed, ValueType } from './value-type.ts'

/** Days that Postgres knows, counted from 1970: 4714-11-24 BC to 5874897-12-31. */
const firstDay = -2_440_588
const lastDay = 2_145_042_905

/** Of types that have no time zone. */
export const timePrecision: ConnectorNeed = {
  setting: 'time.precision.mode',
  allowed: ['adaptive', 'adaptive_time_microseconds'],
  missing: 'adaptive',
  why: 'other forms leave out microseconds, or take 24:00:00 for midnight',
}

export const noTimesInArrays =
  'the connector alters some that stand in arrays: use jsonb, or an array of text'

const words = 'a day like 2026-01-31, infinity or -infinity'

export const date: ValueType = {
  ...plain,
  ...named('date'),
  name: 'date',
  declare: (column) => `date('${column}')`,
  connector: [timePrecision],
  sql: sqlDate,
  reader: shapes([
    'int',
    'io.debezium.time.Date',
    (value) => (typeof value === 'number' ? dateText(value) : undefined),
  ]),
  json: quoted({ description: 'A day, as in ISO 8601; infinity or -infinity' }),
  stored: { type: 'date', sql: sqlDate, value: postgresMoment },
  key: {
    words,
    isCanonical: (text) => isInfinite(text) || isDay(text),
    compare: (a, b) => rank(a) - rank(b),
    order: (column) => column,
    isIndexed: true,
    equals: (column, value) => `${column} = ${value}`,
    last: 'infinity',
  },
  noKey: '',
  constant: ranked(words, (text) => (isInfinite(text) || isDay(text) ? rank(text) : undefined)),
  order: byRank({
    width: 10,
    first: BigInt(firstDay),
    rankOf: (text) => infiniteRank(text) ?? (isDay(text) ? daysOf(text) : undefined),
    textOf: (days) => dayText(Number(days)),
  }),
  noArray: noTimesInArrays,
}

/** Debezium writes the infinities as days that no date of Postgres can be. */
function dateText(days: number): string {
  if (days > lastDay) return 'infinity'
  return days < firstDay ? '-infinity' : dayText(days)
}

function sqlDate(column: string): string {
  const year = `extract(year from ${column})::int`
  const part = (name: string) => `lpad(extract(${name} from ${column})::text, 2, '0')`
  return [
    `case when ${column} >= date '0001-01-01' and ${column} < date '10000-01-01'`,
    `then to_char(${column}::timestamp, 'YYYY-MM-DD')`,
    `when not isfinite(${column}) then ${column}::text`,
    `else ${yearSql(year)} || '-' || ${part('month')} || '-' || ${part('day')} end`,
  ].join(' ')
}

function isInfinite(text: string): boolean {
  return infiniteRank(text) !== undefined
}

/** Of what is not finite; undefined for any other text. */
export function infiniteRank(text: string): number | undefined {
  if (text === 'infinity') return Infinity
  return text === '-infinity' ? -Infinity : undefined
}

function isDay(text: string): boolean {
  const days = daysOf(text)
  return days >= firstDay && days <= lastDay && dayText(days) === text
}

function rank(text: string): number {
  if (text === 'infinity') return Number.MAX_SAFE_INTEGER
  return text === '-infinity' ? Number.MIN_SAFE_INTEGER : daysOf(text)
}
