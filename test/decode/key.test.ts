import avsc, { type Schema } from 'avsc'
import { keyReader } from '../../src/decode/key.ts'
import { longHook } from '../../src/decode/long.ts'
import type { ColumnType } from '../../src/types/types.ts'

type Field = { readonly name: string; readonly type: unknown }

/** What a reader for these columns of a view makes of a key that was written with these fields. */
function read(
  fields: readonly Field[],
  values: Readonly<Record<string, unknown>>,
  columns: Readonly<Record<string, ColumnType>> = {},
) {
  const schema = { type: 'record', name: 'Key', fields } as Schema
  const type = avsc.Type.forSchema(schema, { typeHook: longHook, wrapUnions: false })
  return keyReader({ schema, type }, columns)!.read(type.toBuffer(values))
}

test('a key has every column in its order, by the names that the view has for them', () => {
  const fields = [
    { name: 'Gr__e', type: 'long' },
    { name: 'other_one', type: 'string' },
    { name: 'id', type: 'int' },
  ]
  const columns = { id: 'bigint', Größe: 'bigint', 'other one x': 'text' } as const
  const row = read(fields, { Gr__e: 7n, other_one: 'x', id: 5 }, columns)
  expect(Object.entries(row)).toEqual([
    ['Größe', 7n],
    ['other_one', 'x'],
    ['id', 5n],
  ])
})

test('the columns are told as Avro spells them', () => {
  const schema = { type: 'record', name: 'Key', fields: [{ name: 'a_b', type: 'long' }] } as Schema
  const type = avsc.Type.forSchema(schema)
  expect(keyReader({ schema, type }, { 'a b': 'bigint' })!.avroNames).toEqual(['a_b'])
})

test.each<[string, unknown, unknown, unknown]>([
  ['a number of 64 bits', 'long', 2n ** 62n, 2n ** 62n],
  ['a whole number', 'int', -3, -3n],
  ['a text', 'string', '7', '7'],
  ['null', ['null', 'long'], null, null],
  ['a number with a fraction', 'double', 1.5, '1.5'],
  ['true', 'boolean', true, 'true'],
  ['a list', { type: 'array', items: 'long' }, [7n, 8n], '["7","8"]'],
])('a part of a key may be %s', (_, type, written, expected) => {
  expect(read([{ name: 'part', type }], { part: written })).toEqual({ part: expected })
})

test('a part that the view needs comes in its terms, one of another type as Avro has it', () => {
  const fields = [{ name: 'day', type: { type: 'int', 'connect.name': 'io.debezium.time.Date' } }]
  expect(read(fields, { day: -1 }, { day: 'date' })).toEqual({ day: '1969-12-31' })
  expect(read(fields, { day: -1 }, { day: 'text' })).toEqual({ day: -1n })
  expect(read(fields, { day: -1 })).toEqual({ day: -1n })
})

test('a key without columns, or that is no record, is none', () => {
  const empty = { type: 'record', name: 'Key', fields: [] } as unknown as Schema
  const type = avsc.Type.forSchema('long')
  expect(keyReader({ schema: empty, type }, {})).toBeUndefined()
  expect(keyReader({ schema: 'long', type }, {})).toBeUndefined()
})
