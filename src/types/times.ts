import { noTimesInArrays, timePrecision } from './dates.ts'
import { named, plain, quoted, ranked, shapes, storedAs } from './forms.ts'
import { clockOf, clockText } from './moments.ts'
import { byRank } from './orders.ts'
import type { Reader, ValueType } from './value-type.ts'

const dayMicros = 86_400_000_000n

const read: (scale: bigint) => Reader = (scale) => (value) => {
  if (typeof value !== 'bigint' && !Number.isInteger(value)) return undefined
  const micros = BigInt(value as bigint | number) * scale
  return micros >= 0n && micros <= dayMicros ? clockText(micros) : undefined
}

/** `10:18:00.123456`, up to `24:00:00.000000`. */
export const time: ValueType = {
  ...plain,
  ...named('time without time zone'),
  name: 'time',
  declare: (column) => `time('${column}')`,
  connector: [timePrecision],
  sql: (column) => sqlTime(column),
  reader: shapes(
    ['int', 'io.debezium.time.Time', read(1_000n)],
    ['long', 'io.debezium.time.MicroTime', read(1n)],
  ),
  json: quoted({ description: 'A time of day, with six digits of a second' }),
  stored: { ...storedAs('time without time zone'), sql: sqlTime },
  key: undefined,
  constant: ranked('a time of day like 10:18:00.000000', clockOf),
  order: byRank({ width: 11, first: 0n, rankOf: clockOf, textOf: clockText }),
  noKey: 'an entry for each microsecond is none: key by a date or a number',
  noArray: noTimesInArrays,
}

function sqlTime(column: string): string {
  return `to_char(${column}, 'HH24:MI:SS.US')`
}
