/**
 * Days and moments as text, in years as ISO 8601 has them: four digits, with a plus sign beyond
 * 9999, and a minus sign before year 0, which is 1 BC. Infinities are written out.
 */

/** Days of 400 years, after which the calendar repeats itself. */
const cycleDays = 146_097
const dayMs = 86_400_000
export const dayMicros = 86_400_000_000n

/** `2026-11-21` of the number of days since 1970. */
export function dayText(days: number): string {
  const cycle = Math.floor(days / cycleDays)
  const date = new Date((days - cycle * cycleDays) * dayMs)
  return `${yearText(date.getUTCFullYear() + cycle * 400)}${date.toISOString().slice(4, 10)}`
}

/** `2026-11-21T10:18:00.123456` of the number of microseconds since 1970. */
export function momentText(micros: bigint): string {
  const inDay = BigInt.asUintN(64, ((micros % dayMicros) + dayMicros) % dayMicros)
  return `${dayText(Number((micros - inDay) / dayMicros))}T${clockText(inDay)}`
}

/** `10:18:00.123456` of the number of microseconds since midnight. */
export function clockText(micros: bigint): string {
  const fraction = String(micros % 1_000_000n).padStart(6, '0')
  const seconds = Number(micros / 1_000_000n)
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  return `${parts.map((part) => String(part).padStart(2, '0')).join(':')}.${fraction}`
}

/** Days since 1970; not a number where the text has another form. */
export function daysOf(text: string): number {
  const match = /^([+-]?\d{4,7})-(\d\d)-(\d\d)$/.exec(text)
  if (!match) return Number.NaN
  const [year, month, day] = match.slice(1).map(Number) as [number, number, number]
  const cycle = Math.floor(year / 400)
  return Date.UTC(year - cycle * 400 + 2000, month - 1, day) / dayMs + (cycle - 5) * cycleDays
}

/** Microseconds since midnight; undefined where the text has another form. */
export function clockOf(text: string): bigint | undefined {
  const match = /^(\d\d):([0-5]\d):([0-5]\d)\.(\d{6})$/.exec(text)
  if (!match) return undefined
  const [hours, minutes, seconds, micros] = match.slice(1).map(BigInt) as [
    bigint,
    bigint,
    bigint,
    bigint,
  ]
  const sum = ((hours * 60n + minutes) * 60n + seconds) * 1_000_000n + micros
  return sum <= dayMicros ? sum : undefined
}

/** Microseconds since 1970 of what `momentText` writes; undefined where the text has another form. */
export function momentOf(text: string): bigint | undefined {
  const [day = '', clock = '', ...more] = text.split('T')
  const [days, micros] = [daysOf(day), clockOf(clock)]
  // The end of a day is written as the next one's beginning, and the 30th of February as no day.
  if (more.length > 0 || Number.isNaN(days) || micros === undefined || micros === dayMicros) {
    return undefined
  }
  return dayText(days) === day ? BigInt(days) * dayMicros + micros : undefined
}

export function yearText(year: number): string {
  const digits = String(Math.abs(year)).padStart(4, '0')
  if (year < 0) return `-${digits}`
  return year > 9999 ? `+${digits}` : digits
}

/** SQL for the text of a year, of SQL for the year as Postgres counts, where 1 BC is -1. */
export function yearSql(year: string): string {
  return (
    `(case when ${year} > 9999 then '+' when ${year} < -1 then '-' else '' end) || ` +
    `lpad(abs(${year} + (${year} < 0)::int)::text, greatest(4, length(abs(${year})::text)), '0')`
  )
}

/** A day or a moment as Postgres reads it: years before 1 AD bear `BC`, none bears a sign. */
export function postgresMoment(canonical: string): string {
  const match = /^([+-]?\d+)(-\d\d-\d\d)(?:T([\d:.]+)(Z?))?$/.exec(canonical)
  if (!match) return canonical
  const [, year, date, time, zone] = match
  const number = Number(year)
  const bc = number <= 0
  const digits = String(bc ? 1 - number : number).padStart(4, '0')
  const clock = time === undefined ? '' : ` ${time}${zone ? '+00' : ''}`
  return `${digits}${date}${clock}${bc ? ' BC' : ''}`
}
