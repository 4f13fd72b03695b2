import { typeOf, type ColumnType } from '../../src/types/types.ts'

const read = (type: ColumnType, avro: string, connectName: string | undefined, value: unknown) =>
  typeOf(type).reader({ avro, connectName })!(value)

const time = (name: string) => `io.debezium.time.${name}`

describe('what the connector wrote becomes text:', () => {
  test.each<[ColumnType, string, string | undefined, unknown, bigint | string]>([
    ['bigint', 'int', undefined, -3, -3n],
    ['numeric', 'string', undefined, 'NAN', 'NaN'],
    ['numeric', 'string', undefined, 'NEGATIVE_INFINITY', '-Infinity'],
    ['date', 'int', time('Date'), 0, '1970-01-01'],
    ['date', 'int', time('Date'), -719_528, '0000-01-01'],
    ['date', 'int', time('Date'), -719_529, '-0001-12-31'],
    ['date', 'int', time('Date'), 2_146_033_979, 'infinity'],
    ['date', 'int', time('Date'), -2_147_472_691, '-infinity'],
    ['time', 'int', time('Time'), 86_400_000, '24:00:00.000000'],
    ['time', 'long', time('MicroTime'), 1n, '00:00:00.000001'],
    ['timestamp', 'long', time('Timestamp'), -1n, '1969-12-31T23:59:59.999000'],
    ['timestamp', 'long', time('MicroTimestamp'), -1n, '1969-12-31T23:59:59.999999'],
    ['timestamp', 'long', time('Timestamp'), 9_223_372_036_825_200_000n, 'infinity'],
    ['timestamp', 'long', time('Timestamp'), -9_223_372_036_832_400_000n, '-infinity'],
    ['timestamp', 'long', time('MicroTimestamp'), 2n ** 63n - 1n, 'infinity'],
    ['timestamp', 'long', time('MicroTimestamp'), -(2n ** 63n), '-infinity'],
    ['boolean', 'boolean', undefined, false, 'false'],
    ['bytea', 'bytes', undefined, Buffer.from([0, 255]), 'AP8='],
  ])('%s of %s %s %p', (...[type, avro, name, value, text]) => {
    expect(read(type, avro, name, value)).toBe(text)
  })
})

describe('what no value of the type is written as is none:', () => {
  test.each<[ColumnType, string, string | undefined, unknown]>([
    ['numeric', 'string', undefined, '1e5'],
    ['numeric', 'string', undefined, ''],
    ['uuid', 'string', 'io.debezium.data.Uuid', ''],
    ['time', 'long', time('MicroTime'), -1n],
    ['time', 'long', time('MicroTime'), 86_400_000_001n],
    // A moment of 294276, of which 64 bits hold something else.
    ['timestamp', 'long', time('MicroTimestamp'), -9_223_372_036_853_775_810n],
    ['timestamp', 'long', time('MicroTimestamp'), -210_866_803_200_000_001n],
    ['bytea', 'bytes', undefined, 'text'],
    ['double', 'double', undefined, 'text'],
  ])('%s of %s %s %p', (type, avro, name, value) => {
    expect(read(type, avro, name, value)).toBeUndefined()
  })

  test('an array with such an element, or no array', () => {
    const items = { avro: 'string', connectName: undefined }
    const list = typeOf('numeric[]').reader({ avro: 'array', connectName: undefined, items })!
    expect(list(['1', null])).toBe('["1",null]')
    expect(list(['1', 'x'])).toBeUndefined()
    expect(list('1')).toBeUndefined()
  })
})

describe('a column that is written otherwise does not fit:', () => {
  test.each<[ColumnType, string, string | undefined]>([
    ['integer', 'long', undefined],
    ['text', 'string', 'io.debezium.data.Enum'],
    ['text', 'string', 'io.debezium.data.Uuid'],
    ['numeric', 'bytes', 'org.apache.kafka.connect.data.Decimal'],
    ['numeric', 'double', undefined],
    ['date', 'string', time('IsoDate')],
    ['time', 'string', time('IsoTime')],
    ['timestamp', 'string', time('IsoTimestamp')],
    ['bytea', 'string', undefined],
    ['text[]', 'string', undefined],
  ])('%s as %s %s', (type, avro, connectName) => {
    expect(typeOf(type).reader({ avro, connectName })).toBeUndefined()
  })

  test('an array of something else', () => {
    const items = { avro: 'long', connectName: undefined }
    const column = { avro: 'array', connectName: undefined, items }
    expect(typeOf('text[]').reader(column)).toBeUndefined()
    expect(typeOf('bigint[]').reader(column)).toBeDefined()
  })
})

describe('a key is', () => {
  const isKey = (type: ColumnType, text: string) => typeOf(type).key!.isCanonical(text)

  test.each<[ColumnType, string]>([
    ['smallint', '-32768'],
    ['integer', '2147483647'],
    ['bigint', '9223372036854775807'],
    ['text', ''],
    ['uuid', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'],
    ['date', '-4713-11-24'],
    ['date', '+5874897-12-31'],
    ['date', '0000-02-29'],
    ['date', 'infinity'],
    ['enum', "it's"],
  ])('of type %s: %s', (type, text) => {
    expect(isKey(type, text)).toBe(true)
  })

  test.each<[ColumnType, string]>([
    ['smallint', '32768'],
    ['integer', '2147483648'],
    ['integer', '01'],
    ['bigint', '9223372036854775808'],
    ['bigint', '-0'],
    ['text', '\0'],
    ['text', '\ud800'],
    ['uuid', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'],
    ['date', '2026-02-29'],
    ['date', '-4713-11-23'],
    ['date', '+5874898-01-01'],
    ['date', '02026-01-01'],
    ['date', '10000-01-01'],
    ['date', 'Infinity'],
    ['enum', '\0'],
  ])('not of type %s: %p', (type, text) => {
    expect(isKey(type, text)).toBe(false)
  })
})
