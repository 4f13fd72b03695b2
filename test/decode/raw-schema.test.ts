import {
  asRecord,
  columnIn,
  fieldOf,
  fullName,
  namespaceOf,
  recordIn,
  type RawRecord,
} from '../../src/decode/raw-schema.ts'

const books: RawRecord = {
  type: 'record',
  name: 'Value',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'title', type: ['null', 'string'], default: null },
  ],
}

test('a record is told from what is none', () => {
  expect(asRecord(books)).toBe(books)
  expect(asRecord({ ...books, fields: [] })).toEqual({ ...books, fields: [] })
})

test.each<[string, unknown]>([
  ['null', null],
  ['a text', 'record'],
  ['another type', { ...books, type: 'enum' }],
  ['a record without a name', { type: 'record', fields: [] }],
  ['a record whose name is no text', { ...books, name: 7 }],
  ['a record without fields', { type: 'record', name: 'Value' }],
  ['a record whose fields are no list', { ...books, fields: {} }],
  ['a field that is no object', { ...books, fields: [{ name: 'id' }, 'title'] }],
  ['a field without a name', { ...books, fields: [{ name: 'id' }, { type: 'long' }] }],
])('%s is no record', (_, schema) => {
  expect(asRecord(schema)).toBeUndefined()
})

test('a field is found by its name', () => {
  expect(fieldOf(books, 'title')).toBe(books.fields[1])
  expect(fieldOf(books, 'pages')).toBeUndefined()
  expect(fieldOf(undefined, 'title')).toBeUndefined()
})

test('a record is found in a field, or in a branch of its union', () => {
  expect(recordIn({ name: 'after', type: books })).toBe(books)
  expect(recordIn({ name: 'after', type: ['null', books] })).toBe(books)
  expect(recordIn({ name: 'after', type: ['null', 'Value'] })).toBeUndefined()
  expect(recordIn(undefined)).toBeUndefined()
})

describe('a column', () => {
  test.each<[string, unknown, object]>([
    ['a plain type', 'long', { nullable: false, avro: 'long' }],
    ['a plain type as an object', { type: 'int' }, { nullable: false, avro: 'int' }],
    ['a union with null', ['null', 'string'], { nullable: true, avro: 'string' }],
    ['a union with null last', ['string', 'null'], { nullable: true, avro: 'string' }],
    ['a union of more', ['null', 'string', 'long'], { nullable: true, avro: undefined }],
    [
      'an array',
      { type: 'array', items: ['null', 'long'] },
      { nullable: false, avro: 'array', items: { avro: 'long', connectName: undefined } },
    ],
    ['a named type', 'Value', { nullable: false, avro: undefined }],
    ['a type of a type', { type: { type: 'long' } }, { nullable: false, avro: undefined }],
  ])('is of %s', (_, type, expected) => {
    expect(columnIn({ name: 'x', type })).toEqual({
      connectName: undefined,
      defaults: [],
      ...expected,
    })
  })

  test('has the name that its type has in Connect', () => {
    const date = { type: 'int', 'connect.name': 'io.debezium.time.Date' }
    expect(columnIn({ name: 'x', type: ['null', date] })).toMatchObject({
      avro: 'int',
      connectName: 'io.debezium.time.Date',
    })
    expect(columnIn({ name: 'x', type: { ...date, 'connect.name': 7 } }).connectName).toBe(
      undefined,
    )
  })

  test('has the defaults that Avro and Connect give it', () => {
    const type = { type: 'long', 'connect.default': 5 }
    expect(columnIn({ name: 'x', type, default: 4 }).defaults).toEqual([4, 5])
    expect(columnIn({ name: 'x', type }).defaults).toEqual([5])
    expect(columnIn({ name: 'x', type: 'long', default: null }).defaults).toEqual([null])
  })
})

test('a full name has the namespace of the record, or the one that it inherits', () => {
  expect(fullName({ ...books, namespace: 'a.b' }, 'c')).toBe('a.b.Value')
  expect(fullName(books, 'c')).toBe('c.Value')
  expect(fullName(books, undefined)).toBe('Value')
  expect(fullName({ ...books, name: 'd.Value', namespace: 'a' }, 'c')).toBe('d.Value')
})

test('a namespace is that of the record, or the one in its name', () => {
  expect(namespaceOf({ ...books, namespace: 'a.b' })).toBe('a.b')
  expect(namespaceOf(books)).toBeUndefined()
  expect(namespaceOf({ ...books, name: 'c.d.Value', namespace: 'a' })).toBe('c.d')
})
