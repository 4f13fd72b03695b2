import { earlierRow } from '../../src/decode/earlier-row.ts'
import type { RawField, RawRecord } from '../../src/decode/raw-schema.ts'

const epoch = '1970-01-01T00:00:00Z'

const record = (...fields: readonly RawField[]): RawRecord => ({
  type: 'record',
  name: 'Value',
  fields,
})
const long = (name: string, more: object = {}): RawField => ({ name, type: 'long', ...more })
const nullable = (name: string, type: unknown, more: object = {}): RawField => ({
  name,
  type: ['null', type],
  default: null,
  ...more,
})

const indexed = { key: ['id'], unique: undefined }

/** Whether `author`, which is needed of a row with these other columns, is given. */
const given = (author: RawField, value: unknown, others: readonly RawField[] = [], more = {}) =>
  earlierRow(record(long('id'), author, ...others), ['author'], indexed).isGiven({
    id: 1n,
    author: value,
    ...more,
  })

describe('a needed column of the earlier row', () => {
  test('of the key is always given, and nothing else is read', () => {
    const row = record(long('id'), nullable('note', 'string'))
    const { names, isGiven } = earlierRow(row, ['id'], indexed)
    expect(names).toEqual(['id'])
    expect(isGiven({ id: 0n })).toBe(true)
  })

  test.each<[string, RawField, unknown]>([
    ['a number', long('author'), 7n],
    ['a negative number', long('author'), -1n],
    ['a small number', { name: 'author', type: 'int' }, 7],
    ['true', { name: 'author', type: 'boolean' }, true],
    ['a text', { name: 'author', type: 'string' }, 'ada'],
    ['a time', { name: 'author', type: 'string' }, '1970-01-01T00:00:00.000001Z'],
    ['a number that may be null', nullable('author', 'long'), 7n],
    ['zero where it may be null', nullable('author', 'long'), 0n],
    ['an empty text where it may be null', nullable('author', 'string'), ''],
  ])('is given as %s', (_, author, value) => {
    expect(given(author, value)).toBe(true)
  })

  test.each<[string, RawField, unknown]>([
    ['null', nullable('author', 'long'), null],
    ['nothing', long('author'), undefined],
    ['zero', long('author'), 0n],
    ['a small zero', { name: 'author', type: 'int' }, 0],
    ['false', { name: 'author', type: 'boolean' }, false],
    ['an empty text', { name: 'author', type: 'string' }, ''],
    ['the beginning of 1970', { name: 'author', type: 'string' }, epoch],
    ['its default', long('author', { default: 5 }), 5n],
    ['its default as it is', { name: 'author', type: 'string', default: 'x' }, 'x'],
    [
      'its default of Connect',
      { name: 'author', type: { type: 'long', 'connect.default': 6 } },
      6n,
    ],
    ['its default where it may be null', nullable('author', 'long', { default: 5 }), 5n],
  ])('may have been left out where it comes as %s', (_, author, value) => {
    expect(given(author, value)).toBe(false)
  })

  test('is another number than its default', () => {
    expect(given(long('author', { default: 5 }), 6n)).toBe(true)
    expect(given({ name: 'author', type: 'string', default: '5' }, 'y')).toBe(true)
  })
})

describe('a column that may be null', () => {
  const others = [nullable('note', 'string'), nullable('motto', 'string')]

  test('is read as well, and with a value it tells that all is given', () => {
    const row = record(long('id'), long('author'), ...others, long('pages'))
    expect(earlierRow(row, ['author'], indexed).names).toEqual(['author', 'note', 'motto'])
    expect(given(long('author'), 0n, others, { note: 'x', motto: null })).toBe(true)
    expect(given(long('author'), 0n, others, { note: null, motto: 'x' })).toBe(true)
    expect(given(long('author'), 0n, others, { note: '', motto: null })).toBe(true)
  })

  test('tells nothing by a null, or by its default', () => {
    expect(given(long('author'), 0n, others, { note: null, motto: null })).toBe(false)
    const defaulted = [nullable('note', 'string', { default: 'x' })]
    expect(given(long('author'), 0n, defaulted, { note: 'x' })).toBe(false)
  })

  test('is not read where its type is no plain one', () => {
    const array = nullable('tags', { type: 'array', items: 'string' })
    const row = record(long('id'), long('author'), array)
    expect(earlierRow(row, ['author'], indexed).names).toEqual(['author'])
  })

  test('that is of the key tells nothing', () => {
    const row = record(nullable('id', 'long'), long('author'))
    const { names, isGiven } = earlierRow(row, ['author'], indexed)
    expect(names).toEqual(['author'])
    expect(isGiven({ id: 7n, author: 0n })).toBe(false)
  })
})

test('all needed columns have to be given', () => {
  const row = record(long('id'), long('author'), long('editor'))
  const { isGiven } = earlierRow(row, ['author', 'editor'], indexed)
  expect(isGiven({ author: 7n, editor: 8n })).toBe(true)
  expect(isGiven({ author: 7n, editor: 0n })).toBe(false)
  expect(isGiven({ author: 0n, editor: 8n })).toBe(false)
})

describe('a column of no unique index', () => {
  const row = record(long('id'), long('author'), long('pages'), long('shelf'))
  const knowing = (unique: readonly string[] | undefined) =>
    earlierRow(row, ['author'], { key: ['id'], unique })

  test('is read as well, and with a value it tells that all is given', () => {
    const { names, isGiven } = knowing(['shelf'])
    expect(names).toEqual(['author', 'pages'])
    expect(isGiven({ author: 0n, pages: 3n })).toBe(true)
    expect(isGiven({ author: 0n, pages: 0n })).toBe(false)
  })

  test('tells nothing where an index may hold it, or where indexes are not known', () => {
    expect(knowing(['shelf']).isGiven({ author: 0n, pages: 0n, shelf: 3n })).toBe(false)
    expect(knowing(['author', 'shelf', 'pages']).isGiven({ author: 0n, pages: 3n })).toBe(false)
    expect(knowing(undefined).names).toEqual(['author'])
    expect(knowing(undefined).isGiven({ author: 0n, pages: 3n })).toBe(false)
  })

  test('tells that another needed column is given', () => {
    const { isGiven } = earlierRow(row, ['author', 'pages'], { key: ['id'], unique: ['shelf'] })
    expect(isGiven({ author: 7n, pages: 0n })).toBe(true)
    expect(isGiven({ author: 0n, pages: 0n, shelf: 3n })).toBe(false)
  })
})
