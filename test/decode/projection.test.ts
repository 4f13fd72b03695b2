import avsc, { type Schema } from 'avsc'
import { longHook } from '../../src/decode/long.ts'
import { avroNameOf } from '../../src/avro-name.ts'
import { project, type ProjectionTarget } from '../../src/decode/projection.ts'
import { column, envelope, envelopeSchema, type Column } from '../support/builders.ts'

const columns = [
  column.long('id'),
  column.long('author'),
  column.nullable('title', 'string'),
  column.timestamptz('printed_at'),
]

const target: ProjectionTarget = {
  view: 'library',
  table: 'books',
  columns: { author: 'bigint', id: 'bigint' },
  retracts: ['author'],
  key: ['id'],
  unique: undefined,
}

type Envelope = { readonly fields: readonly { readonly name: string; readonly type: unknown }[] }

function projected(schema: Schema, given: Partial<ProjectionTarget> = {}) {
  const type = avsc.Type.forSchema(schema, { typeHook: longHook })
  return project({ schema, type }, { ...target, ...given })
}

const whole = (of: readonly Column[] = columns) => envelopeSchema('books', of)

/** The envelope with one of its fields as another one, or without it. */
function altered(name: string, type?: unknown): Schema {
  const schema = whole() as unknown as Envelope
  const fields = schema.fields.flatMap((field) => {
    if (field.name !== name) return [field]
    return type === undefined ? [] : [{ name, type }]
  })
  return { ...schema, fields } as unknown as Schema
}

/** The envelope with one of the fields of its source as another one, or without it. */
function alteredSource(name: string, type?: unknown): Schema {
  const schema = whole() as unknown as Envelope
  const source = schema.fields.find((field) => field.name === 'source')!.type as Envelope
  const fields = source.fields.flatMap((field) => {
    if (field.name !== name) return [field]
    return type === undefined ? [] : [{ name, type }]
  })
  return altered('source', { ...source, fields })
}

describe('a projection', () => {
  test('has the columns of the view, and of them those that a retract needs', () => {
    const found = projected(whole())!
    expect(found.columns).toEqual([
      expect.objectContaining({ column: 'author', avroName: 'author', type: 'bigint' }),
      expect.objectContaining({ column: 'id', avroName: 'id', type: 'bigint' }),
    ])
    expect(found.earlier).toEqual([found.columns[0]])
  })

  test('reads no more than is needed', () => {
    const schema = whole()
    const row = { id: 1n, author: 7n, title: 'x', printed_at: '2026-11-21T10:18:00Z' }
    const bytes = avsc.Type.forSchema(schema, { typeHook: longHook }).toBuffer(
      envelope({ op: 'u', before: row, after: row }),
    )
    const { before, after, source, op } = projected(schema)!.read(bytes)
    expect({ ...before }).toEqual({ author: 7n, title: 'x' })
    expect({ ...after }).toEqual({ id: 1n, author: 7n })
    expect(Object.keys(source).toSorted()).toEqual(['lsn', 'snapshot', 'txId', 'version'])
    expect(op).toBe('u')
  })

  test('believes of an earlier row what it gives', () => {
    const { isGiven } = projected(whole())!
    expect(isGiven({ author: 7n, title: null })).toBe(true)
    expect(isGiven({ author: 0n, title: null })).toBe(false)
    expect(isGiven({ author: 0n, title: 'x' })).toBe(true)
  })
})

describe('no envelope of a Postgres table is', () => {
  test.each(['before', 'after', 'source', 'op'])('one without %s', (name) => {
    // What stands in `after` by name alone can't be read without `before`.
    const schema = name === 'before' ? altered('after', ['null', recordOf()]) : whole()
    const fields = (schema as unknown as Envelope).fields.filter((field) => field.name !== name)
    expect(projected({ ...(schema as object), fields } as unknown as Schema)).toBeUndefined()
  })

  test.each<[string, Schema]>([
    ['no record', 'string'],
    ['one whose rows are no records', altered2()],
    ['one whose source is no record', altered('source', 'string')],
    ['one whose op is no text', altered('op', 'long')],
    ['one whose source has no lsn', alteredSource('lsn')],
    ['one whose source has no version', alteredSource('version')],
    ['one whose source has no txId', alteredSource('txId')],
    ['one whose source has no snapshot', alteredSource('snapshot')],
    ['one whose lsn is no number', alteredSource('lsn', 'string')],
    ['one whose version is no text', alteredSource('version', 'long')],
    ['one whose txId is no number', alteredSource('txId', 'string')],
    ['one whose snapshot is no text', alteredSource('snapshot', 'boolean')],
  ])('%s', (_, schema) => {
    expect(projected(schema)).toBeUndefined()
  })
})

function recordOf() {
  return { type: 'record', name: 'Value', fields: columns }
}

function altered2(): Schema {
  const schema = altered('before', ['null', 'string']) as unknown as Envelope
  const fields = schema.fields.map((field) =>
    field.name === 'after' ? { name: 'after', type: ['null', 'string'] } : field,
  )
  return { ...schema, fields } as unknown as Schema
}

describe('a column', () => {
  const of = (type: unknown, as: 'bigint' | 'text' | 'timestamptz') => () =>
    projected(whole([column.long('id'), { name: 'author', type }]), {
      columns: { author: as },
    })
  const zoned = { type: 'string', 'connect.name': 'io.debezium.time.ZonedTimestamp' }

  test.each<[string, unknown, 'bigint' | 'text' | 'timestamptz']>([
    ['a long', 'long', 'bigint'],
    ['an int', 'int', 'bigint'],
    ['a number that may be null', ['null', 'long'], 'bigint'],
    ['a text', 'string', 'text'],
    ['a time', zoned, 'timestamptz'],
  ])('fits as %s', (_, type, as) => {
    expect(of(type, as)()).toBeDefined()
  })

  test.each<[string, unknown, 'bigint' | 'text' | 'timestamptz']>([
    ['a text for a number', 'string', 'bigint'],
    ['a date for a number', { type: 'int', 'connect.name': 'io.debezium.time.Date' }, 'bigint'],
    ['a number for a text', 'long', 'text'],
    ['a time for a text', zoned, 'text'],
    ['a text for a time', 'string', 'timestamptz'],
    ['a number for a time', { type: 'long', 'connect.name': zoned['connect.name'] }, 'timestamptz'],
    ['a list', { type: 'array', items: 'long' }, 'bigint'],
    ['a number for a decimal', 'long', 'numeric' as never],
  ])('does not fit as %s', (_, type, as) => {
    expect(of(type, as)).toThrow(expect.objectContaining({ code: 'column-retyped' }))
  })

  test('that is gone stops the view, and is named', () => {
    expect(() => projected(whole(), { columns: { pages: 'bigint' } })).toThrow(
      expect.objectContaining({
        code: 'column-gone',
        message: 'column pages of books is gone, and view library needs it',
      }),
    )
  })

  test.each([
    ['author', 'author'],
    ['Größe', 'Gr__e'],
    ['a b.c', 'a_b_c'],
    ['2nd', '_2nd'],
    ['a2', 'a2'],
  ])('%p is %p in Avro', (name, avro) => {
    expect(avroNameOf(name)).toBe(avro)
  })
})
