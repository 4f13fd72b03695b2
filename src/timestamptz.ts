/**
 * The canonical text of a timestamptz, wherever Postgres holds one: in the source, asked for truth,
 * and in the Postgres store. ISO 8601 in UTC with six digits, `2026-11-21T10:18:00.123456Z`; a year
 * beyond 9999 has a plus sign, one before year 0, which is 1 BC, a minus sign; infinities are
 * written out.
 */

/** SQL that answers the canonical text of the timestamptz `column`. */
export function sqlTimestamptz(column: string): string {
  const utc = `(${column} at time zone 'UTC')`
  const year = `extract(year from ${utc})::int`
  const from = `timestamptz '0001-01-01 00:00:00+00'`
  const to = `timestamptz '10000-01-01 00:00:00+00'`
  return [
    // Nearly every moment; taking its year out would cost as much again.
    `case when ${column} >= ${from} and ${column} < ${to}`,
    `then to_char(${utc}, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`,
    `when not isfinite(${column}) then ${column}::text`,
    `else (case when ${year} > 9999 then '+' when ${year} < -1 then '-' else '' end)`,
    `|| lpad(abs(${year} + (${year} < 0)::int)::text, greatest(4, length(abs(${year})::text)), '0')`,
    `|| to_char(${utc}, '-MM-DD"T"HH24:MI:SS.US"Z"') end`,
  ].join(' ')
}

/** The canonical text as Postgres reads it: years before 1 AD bear `BC`, none bears a sign. */
export function postgresTimestamptz(canonical: string): string {
  const match = /^([+-]?\d+)(-\d\d-\d\d)T(.+)Z$/.exec(canonical)
  if (!match) return canonical
  const [, year, date, time] = match
  const number = Number(year)
  const bc = number <= 0
  const digits = String(bc ? 1 - number : number).padStart(4, '0')
  return `${digits}${date} ${time}+00${bc ? ' BC' : ''}`
}
