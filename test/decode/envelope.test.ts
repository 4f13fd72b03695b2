import { interpret } from '../../src/decode/envelope.ts'
import type { Envelope, ProjectedColumn, Projection } from '../../src/decode/projection.ts'
import { typeOf, type ColumnType } from '../../src/types/types.ts'

function projected(column: string, type: ColumnType, field: object): ProjectedColumn {
  const avro = { avro: 'string', connectName: undefined, ...field }
  return { column, avroName: column, type, read: typeOf(type).reader(avro)! }
}

const author = projected('author', 'bigint', { avro: 'long' })
const time = { connectName: 'io.debezium.time.ZonedTimestamp' }

const projection: Projection = {
  read: () => {
    throw new Error('nothing is read here')
  },
  columns: [
    author,
    { ...projected('printed', 'timestamptz', time), avroName: 'printed_at' },
    projected('title', 'text', {}),
  ],
  earlier: [author],
  isGiven: () => true,
}

const row = { author: 7n, printed_at: '2026-11-21T10:18:00Z', title: 'x' }

function decoded(given: Partial<Envelope> = {}, source: Partial<Envelope['source']> = {}) {
  const whole: Envelope = {
    before: null,
    after: row,
    op: 'c',
    source: { lsn: 9n, version: '3.7.0.Final', txId: 5n, snapshot: 'false', ...source },
    ...given,
  }
  return interpret(whole, projection, { table: 'books', key: { id: 1n }, placeholder: '?' })
}

const wrongTime = { ...row, printed_at: `yesterday${'!'.repeat(60)}` }

describe('an envelope', () => {
  test.each([
    '3.7.0.Final',
    '3.7.0',
    '3.7.1.Final',
    '3.8.0-beta',
    '3.10.0.Final',
    '10.0.0.Final',
    '123456.0.0',
    '3.7.123456',
    '3.7.0.Abeta',
  ])('of Debezium %s is accepted, each time', (version) => {
    expect(decoded({}, { version })).toMatchObject({ kind: 'change' })
    expect(decoded({}, { version })).toMatchObject({ kind: 'change' })
  })

  test.each([
    '3.6.9.Final',
    '2.10.10',
    '3.7.0.Alpha1',
    '3.7.0.Beta2',
    '3.7.0.CR1',
    '3.7.0.rc1',
    '3.7.0-SNAPSHOT',
    '0.0.0',
  ])('of Debezium %s is too old, each time', (version) => {
    const tooOld = expect.objectContaining({ code: 'debezium-too-old', waitsForPeople: true })
    expect(() => decoded({}, { version })).toThrow(tooOld)
    expect(() => decoded({}, { version })).toThrow(tooOld)
  })

  test.each(['', '3.7', 'x3.7.0', '3.7.0.Final.1', '3.7.0 Final', 'one.two.three', '1234567.0.0'])(
    'of version %p is none of Debezium',
    (version) => {
      expect(decoded({}, { version })).toMatchObject({ kind: 'undecodable' })
    },
  )

  test('of very many versions is told from others all the same', () => {
    for (let patch = 0; patch < 250; patch += 1) {
      expect(decoded({}, { version: `4.0.${patch}` })).toMatchObject({ kind: 'change' })
    }
    expect(() => decoded({}, { version: '3.6.0' })).toThrow()
  })

  test('without a position, or without a transaction, says nothing', () => {
    expect(decoded({}, { lsn: null })).toMatchObject({ kind: 'undecodable' })
    expect(decoded({}, { txId: null })).toMatchObject({ kind: 'undecodable' })
    expect(decoded({ op: 'x' })).toMatchObject({ kind: 'undecodable' })
  })

  test('of a TRUNCATE is unusable', () => {
    const truncate = { kind: 'unusable', reason: 'TRUNCATE of books', transaction: 5 }
    expect(decoded({ op: 't', after: null })).toEqual(truncate)
  })
})

describe('a row', () => {
  test('is given in the terms of the view', () => {
    const after = { author: 7n, printed: '2026-11-21T10:18:00.000000Z', title: 'x' }
    expect(decoded()).toMatchObject({ change: { kind: 'insert', after } })
    const nulls = { author: null, printed_at: null, title: null }
    expect(decoded({ after: nulls })).toMatchObject({
      change: { after: { author: null, printed: null, title: null } },
    })
    expect(decoded({ after: { ...row, author: 7 } })).toMatchObject({
      change: { after: { author: 7n } },
    })
  })

  test.each(['c', 'u', 'r'])('of op %s has to be there', (op) => {
    expect(decoded({ op, after: null })).toEqual({
      kind: 'undecodable',
      reason: `op '${op}' without a row after it`,
    })
  })

  test.each(['c', 'u', 'r'])('of op %s with a time that is none is no change', (op) => {
    const answer = decoded({ op, after: wrongTime })
    if (answer.kind !== 'undecodable') throw new Error(`it is ${answer.kind}`)
    expect(answer.reason).toBe(`column printed holds no timestamptz: 'yesterday${'!'.repeat(41)}'`)
  })

  test.each(['d', 'u'])('of op %s with an earlier time that is none is no change', (op) => {
    const needsTime = { ...projection, earlier: projection.columns }
    const source = { lsn: 9n, version: '3.7.0.Final', txId: 5n, snapshot: 'false' }
    const answer = interpret({ before: wrongTime, after: row, op, source }, needsTime, {
      table: 'books',
      key: { id: 1n },
      placeholder: '?',
    })
    expect(answer).toMatchObject({ kind: 'undecodable' })
  })

  test('whose long text was left out of an update is unusable', () => {
    expect(decoded({ op: 'u', before: row, after: { ...row, title: '?' } })).toEqual({
      kind: 'unusable',
      reason: 'update of books came without the unchanged value of title',
      transaction: 5,
    })
    expect(decoded({ after: { ...row, title: '?' } })).toMatchObject({ kind: 'change' })
  })

  test.each<[string, ColumnType, object, unknown]>([
    ['bytes', 'bytea', { avro: 'bytes' }, Buffer.from('?!')],
    ['an array of texts', 'text[]', { avro: 'array', items: { avro: 'string' } }, ['?!']],
    [
      'an array of bytes',
      'bytea[]',
      { avro: 'array', items: { avro: 'bytes' } },
      [Buffer.from('?!')],
    ],
    ['an array of numbers', 'integer[]', { avro: 'array', items: { avro: 'int' } }, [63, 33]],
    [
      'an array of long numbers',
      'bigint[]',
      { avro: 'array', items: { avro: 'long' } },
      [63n, 33n],
    ],
  ])('whose long value was left out as %s is unusable', (_, type, avro, value) => {
    const columns = [projected('title', type, avro)]
    const source = { lsn: 9n, version: '3.7.0.Final', txId: 5n, snapshot: 'false' }
    const updatedWith = (title: unknown) =>
      interpret(
        { before: row, after: { ...row, title }, op: 'u', source },
        { ...projection, columns },
        { table: 'books', key: { id: 1n }, placeholder: '?!' },
      )
    expect(updatedWith(value)).toMatchObject({
      kind: 'unusable',
      reason: expect.stringMatching(/title/),
    })
    const [first] = Array.isArray(value) ? value : []
    const other = value instanceof Buffer ? Buffer.from('?') : [first, first]
    expect(updatedWith(other)).toMatchObject({ kind: 'change' })
  })

  test('that is gone has what was needed of it', () => {
    expect(decoded({ op: 'd', before: row, after: null })).toMatchObject({
      change: { kind: 'delete', before: { author: 7n } },
    })
    const nothing = decoded({ op: 'd', before: null, after: null })
    expect(nothing).toMatchObject({ change: { kind: 'delete', before: undefined } })
  })
})
