/**
 * Columns and values in Avro as Debezium 3.7 writes them with the settings of
 * `connectors/millrace.json`, from the text in which Postgres' logical decoding has them. The chain
 * tests hold the real one to the same decoder.
 */

export type AvroForm = {
  /** Its type in a schema. */
  readonly type: unknown
  value(text: string): unknown
  /** What stands for a value that the source did not give, where the column is not null. */
  readonly filler: unknown
}

/** `column` is a type as SQL declares it. */
export function avroForm(column: string): AvroForm {
  if (column.endsWith('[]')) {
    const item = avroForm(column.slice(0, -2))
    return {
      type: { type: 'array', items: ['null', item.type] },
      value: (text) => itemsOf(text).map((each) => (each === null ? null : item.value(each))),
      filler: [],
    }
  }
  const known = scalars[column.replace(/\(.*$/, '')]
  if (column === 'time(3)')
    return number('int', 'io.debezium.time.Time', (text) => milliseconds(text))
  if (column === 'timestamp(3)') return timestamp('io.debezium.time.Timestamp', 1_000n)
  return known ?? string('io.debezium.data.Enum')
}

const string = (name?: string, value = (text: string) => text): AvroForm => ({
  type: name === undefined ? 'string' : { type: 'string', 'connect.name': name },
  value,
  filler: '',
})

function number(
  type: string,
  name: string | undefined,
  value: (text: string) => number | bigint,
): AvroForm {
  const filler = type === 'long' ? 0n : 0
  return { type: name === undefined ? type : { type, 'connect.name': name }, value, filler }
}

const scalars: Readonly<Record<string, AvroForm>> = {
  smallint: number('int', undefined, Number),
  integer: number('int', undefined, Number),
  bigint: number('long', undefined, BigInt),
  real: number('float', undefined, Number),
  'double precision': number('double', undefined, Number),
  numeric: string(undefined, (text) => unordinary[text] ?? text),
  boolean: { type: 'boolean', value: (text) => text === 't', filler: false },
  text: string(),
  varchar: string(),
  char: string(),
  uuid: string('io.debezium.data.Uuid'),
  json: string('io.debezium.data.Json'),
  jsonb: string('io.debezium.data.Json'),
  bytea: {
    type: 'bytes',
    value: (text) => Buffer.from(text.slice(2), 'hex'),
    filler: Buffer.alloc(0),
  },
  date: number('int', 'io.debezium.time.Date', (text) => {
    if (text === 'infinity') return 2_146_033_979
    return text === '-infinity' ? -2_147_472_691 : daysOf(text)
  }),
  time: number('long', 'io.debezium.time.MicroTime', microseconds),
  timestamp: timestamp('io.debezium.time.MicroTimestamp', 1n),
  timestamptz: string('io.debezium.time.ZonedTimestamp', zoned),
}

const unordinary: Readonly<Record<string, string>> = {
  NaN: 'NAN',
  Infinity: 'POSITIVE_INFINITY',
  '-Infinity': 'NEGATIVE_INFINITY',
}

function timestamp(name: string, scale: bigint): AvroForm {
  const least = scale === 1n ? -(2n ** 63n) : -9_223_372_036_832_400_000n
  const most = scale === 1n ? 2n ** 63n - 1n : 9_223_372_036_825_200_000n
  return number('long', name, (text) => {
    if (text === 'infinity') return most
    if (text === '-infinity') return least
    const clock = text.replace(/^\S+ /, '').replace(' BC', '')
    return (BigInt(daysOf(text)) * 86_400_000_000n + microseconds(clock)) / scale
  })
}

/** `2026-11-21 10:18:00.5+00`, of which a year before 1 AD bears `BC`, as ISO 8601. */
function zoned(text: string): string {
  if (text.endsWith('infinity')) return text
  const [, date, clock] = /^\d+(-\d\d-\d\d) ([\d:.]+)\+00/.exec(text)!
  const year = yearOf(text)
  const digits = String(Math.abs(year)).padStart(4, '0')
  return `${year < 0 ? '-' : year > 9999 ? '+' : ''}${digits}${date}T${clock}Z`
}

/** As astronomers count: 0 is 1 BC. */
function yearOf(text: string): number {
  const year = Number(/^\d+/.exec(text)![0])
  return text.endsWith(' BC') ? 1 - year : year
}

/** From 1970, of a text that begins with a day. */
function daysOf(text: string): number {
  const [, month, day] = /^\d+-(\d\d)-(\d\d)/.exec(text)!.map(Number) as [number, number, number]
  const year = yearOf(text) - (month <= 2 ? 1 : 0)
  const era = Math.floor(year / 400)
  const ofEra = year - era * 400
  const ofYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  const days = ofEra * 365 + Math.floor(ofEra / 4) - Math.floor(ofEra / 100) + ofYear
  return era * 146_097 + days - 719_468
}

function microseconds(clock: string): bigint {
  const [, hours, minutes, seconds, fraction = ''] = /^(\d+):(\d+):(\d+)(?:\.(\d+))?/.exec(clock)!
  const whole = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)
  return BigInt(whole) * 1_000_000n + BigInt(fraction.padEnd(6, '0'))
}

function milliseconds(clock: string): number {
  return Number(microseconds(clock) / 1_000n)
}

/** Of an array of one dimension: `{a,"b\"c",NULL}`, with `[5:6]=` before it where it begins elsewhere. */
function itemsOf(text: string): (string | null)[] {
  const items: (string | null)[] = []
  const inner = text.slice(text.indexOf('{') + 1, -1)
  const item = /"((?:[^"\\]|\\.)*)"|([^,"]+)/gs
  for (const [, quoted, bare] of inner.matchAll(item)) {
    if (quoted !== undefined) items.push(quoted.replace(/\\(.)/gs, '$1'))
    else items.push(bare === 'NULL' ? null : bare!)
  }
  return items
}
