/**
 * Canonical text of a timestamptz as Debezium writes it (`io.debezium.time.ZonedTimestamp`): ISO
 * 8601 in UTC with six digits, `2026-11-21T10:18:00.123456Z`. As in ISO 8601, a year beyond 9999
 * has a plus sign, and one before year 0 (1 BC) a minus sign. `infinity` and `-infinity` stay as
 * they are. Undefined when the text is none of these, or finer than a microsecond.
 */
export function canonicalTimestamp(text: string): string | undefined {
  const plain = plainUtc.exec(text)
  if (plain) return `${plain[1]}.${(plain[2] ?? '').padEnd(6, '0')}Z`
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

function yearText(year: number): string {
  const digits = String(Math.abs(year)).padStart(4, '0')
  if (year < 0) return `-${digits}`
  return year > 9999 ? `+${digits}` : digits
}
