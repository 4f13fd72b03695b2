import { infiniteRank, noTimesInArrays, timePrecision } from './dates.ts'
import { named, plain, quoted, ranked, shapes } from './forms.ts'
import { momentOf, momentText, postgresMoment, yearSql, yearText } from './moments.ts'
import { byRank } from './orders.ts'
import type { OrderForm, Reader, TypedValue, ValueType } from './value-type.ts'

const noKey =
  'an entry for each microsecond is none: key by a date, a number, or by windowOf in a view without row'

/** Moments that Postgres knows, in microseconds from 1970: 4714-11-24 BC to the end of 294276. */
const firstMicros = -210_866_803_200_000_000n
const lastMicros = 9_224_318_015_999_999_999n

/** `2026-11-21T10:18:00.123456Z`, always UTC with six digits. */
export const timestamptz: ValueType = {
  ...plain,
  ...named('timestamp with time zone'),
  name: 'timestamptz',
  declare: (column) => `timestamptz('${column}')`,
  sql: sqlTimestamptz,
  reader: shapes([
    'string',
    'io.debezium.time.ZonedTimestamp',
    (value) => canonicalTimestamp(String(value)),
  ]),
  json: quoted({ description: 'ISO 8601 in UTC with six digits' }),
  stored: { type: 'timestamp with time zone', sql: sqlTimestamptz, value: postgresMoment },
  key: undefined,
  constant: ranked(
    'a moment like 2026-11-21T10:18:00.000000Z, infinity or -infinity',
    rankWithZone,
  ),
  order: byMoment(rankWithZone, 'Z'),
  noKey,
  noArray: noTimesInArrays,
}

/** `2026-11-21T10:18:00.123456`. */
export const timestamp: ValueType = {
  ...plain,
  ...named('timestamp without time zone'),
  name: 'timestamp',
  declare: (column) => `timestamp('${column}')`,
  connector: [timePrecision],
  sql: sqlTimestamp,
  reader: shapes(
    ['long', 'io.debezium.time.Timestamp', readTimestamp(1_000n)],
    ['long', 'io.debezium.time.MicroTimestamp', readTimestamp(1n)],
  ),
  json: quoted({ description: 'ISO 8601 without a time zone, with six digits' }),
  stored: { type: 'timestamp without time zone', sql: sqlTimestamp, value: postgresMoment },
  key: undefined,
  constant: ranked(
    'a moment like 2026-11-21T10:18:00.000000, infinity or -infinity',
    rankWithoutZone,
  ),
  order: byMoment(rankWithoutZone, ''),
  noKey,
  noArray: noTimesInArrays,
}

function byMoment(rank: (text: string) => bigint | number | undefined, zone: 'Z' | ''): OrderForm {
  return byRank({
    width: 19,
    first: firstMicros,
    rankOf: rank,
    textOf: (micros) => `${momentText(micros)}${zone}`,
  })
}

function rankWithZone(text: string): bigint | number | undefined {
  return text.endsWith('Z') ? rankOf(text.slice(0, -1)) : infiniteRank(text)
}

function rankWithoutZone(text: string): bigint | number | undefined {
  return infiniteRank(text) ?? rankOf(text)
}

/** Microseconds since 1970, in an order with the infinities. */
function rankOf(text: string): bigint | undefined {
  const micros = momentOf(text)
  return micros !== undefined && micros >= firstMicros && micros <= lastMicros ? micros : undefined
}

/**
 * Debezium writes the infinities as the last numbers of 64 bits, or close to them in milliseconds.
 * In microseconds 64 bits end within 294247, before Postgres does: what comes later is written as
 * some other number that is no moment, and is not read.
 */
function readTimestamp(scale: bigint): Reader {
  const infinite = scale === 1n ? 2n ** 63n - 1n : 9_223_372_036_800_000_000n
  return (value): TypedValue | undefined => {
    if (typeof value !== 'bigint') return undefined
    if (value >= infinite) return 'infinity'
    if (value < -infinite) return '-infinity'
    const micros = value * scale
    return micros >= firstMicros && micros <= lastMicros ? momentText(micros) : undefined
  }
}

function sqlTimestamptz(column: string): string {
  return sqlMoment(column, `(${column} at time zone 'UTC')`, 'Z')
}

function sqlTimestamp(column: string): string {
  return sqlMoment(column, column, '')
}

/** `local` is the moment as a timestamp without time zone. */
function sqlMoment(column: string, local: string, zone: 'Z' | ''): string {
  const year = `extract(year from ${local})::int`
  const type = zone === 'Z' ? 'timestamptz' : 'timestamp'
  const offset = zone === 'Z' ? '+00' : ''
  const clock = `"T"HH24:MI:SS.US${zone && '"Z"'}`
  return [
    // Nearly every moment; taking its year out would cost as much again.
    `case when ${column} >= ${type} '0001-01-01 00:00:00${offset}'`,
    `and ${column} < ${type} '10000-01-01 00:00:00${offset}'`,
    `then to_char(${local}, 'YYYY-MM-DD${clock}')`,
    `when not isfinite(${column}) then ${column}::text`,
    `else ${yearSql(year)} || to_char(${local}, '-MM-DD${clock}') end`,
  ].join(' ')
}

/**
 * Of a timestamptz as Debezium writes it, which may have fewer digits and another offset. Undefined
 * when the text is none, or finer than a microsecond.
 */
export function canonicalTimestamp(text: string): string | undefined {
  const plainMatch = plainUtc.exec(text)
  if (plainMatch) return `${plainMatch[1]}.${(plainMatch[2] ?? '').padEnd(6, '0')}Z`
  if (text === 'infinity' || text === '-infinity') return text
  const match = anyOffset.exec(text)
  if (!match) return undefined
  const [, year, month, day, hour, minute, second = '0', fraction = '', offset] = match
  const digits = fraction.slice(0, 6).padEnd(6, '0')
  if (/[1-9]/.test(fraction.slice(6))) return undefined
  // The calendar repeats every 400 years, so the sum is done in years that a Date can hold.
  const cycle = Math.floor(Number(year) / 400)
  const date = new Date(Date.UTC(Number(year) - (cycle - 5) * 400, Number(month) - 1, Number(day)))
  if (date.getUTCDate() !== Number(day)) return undefined
  date.setUTCHours(Number(hour), Number(minute), Number(second) - offsetSeconds(offset!))
  const utcYear = date.getUTCFullYear() + (cycle - 5) * 400
  return `${yearText(utcYear)}${date.toISOString().slice(4, 19)}.${digits}Z`
}

/** Nearly every timestamp: a year of four digits, already in UTC. */
const plainUtc =
  /^(\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.(\d{1,6}))?Z$/

const anyOffset =
  /^([+-]?\d{4,6})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d{2}(?::?\d{2}(?::?\d{2})?)?)$/

function offsetSeconds(offset: string): number {
  if (offset === 'Z') return 0
  const digits = offset.slice(1).replaceAll(':', '').padEnd(6, '0')
  const part = (at: number) => Number(digits.slice(at, at + 2))
  const seconds = part(0) * 3600 + part(2) * 60 + part(4)
  return offset.startsWith('-') ? -seconds : seconds
}
