import { readFileSync } from 'node:fs'
import type { Schema } from 'avsc'
import { systemClock } from '../../src/clock.ts'
import type { Decoded } from '../../src/change.ts'
import { decoder } from '../../src/decode/decoder.ts'
import { MillraceError } from '../../src/errors.ts'
import { userInformation } from '../../examples/social/user-information.ts'
import {
  column,
  envelope,
  envelopeSchema,
  framed,
  keySchema,
  knownSchemas,
  logRecord,
  placeholder,
  tweetColumns,
  userColumns,
  type Column,
  type EnvelopeValues,
} from '../support/builders.ts'

const joined = '2026-11-21T10:18:00.123456Z'
const biggest = 2n ** 63n - 1n

const ada = {
  user_id: biggest,
  username: 'ada',
  name: null,
  description: 'writes',
  location: null,
  web_page_url: null,
  joined_date: joined,
  profile_image_url: null,
  background_image_url: null,
}

/** Decodes one record of a table that has these columns. */
async function decode(
  table: string,
  values: EnvelopeValues | null,
  options: { columns?: readonly Column[]; key?: object; unique?: readonly string[] } = {},
): Promise<Decoded> {
  const columns = options.columns ?? (table === 'users' ? userColumns : tweetColumns)
  const key = options.key ?? { [columns[0]!.name]: values?.after?.[columns[0]!.name] ?? 1n }
  const keyColumns = columns.filter(({ name }) => name in key)
  const schemas: Record<number, Schema> = {
    1: keySchema(table, keyColumns),
    2: envelopeSchema(table, columns),
  }
  const found = decoder({
    registry: knownSchemas(schemas),
    view: userInformation,
    table,
    topic: 't',
    clock: systemClock,
    placeholder,
    unique: options.unique,
    unknownSchemaMs: 60_000,
  })
  const bytes = values && framed(2, schemas[2]!, envelope(values))
  return found.decode(logRecord(framed(1, schemas[1]!, key), bytes))
}

/** The change alone, with an LSN of 1000. */
async function changeOf(...args: Parameters<typeof decode>) {
  const decoded = await decode(...args)
  if (decoded.kind !== 'change') throw new Error(JSON.stringify(decoded, (_, part) => String(part)))
  return decoded.change
}

describe('a change of a row', () => {
  test('holds the columns that the view needs, 64-bit numbers exact', async () => {
    expect(await changeOf('users', { op: 'c', after: ada, lsn: biggest })).toEqual({
      kind: 'insert',
      table: 'users',
      key: { user_id: biggest },
      lsn: biggest,
      transaction: 731,
      after: ada,
    })
    const tweet = { tweet_id: 9_007_199_254_740_993n, user_id: 5n, text: 'x', created_at: joined }
    expect(await changeOf('tweets', { op: 'r', after: tweet })).toEqual({
      kind: 'read',
      table: 'tweets',
      key: { tweet_id: 9_007_199_254_740_993n },
      lsn: 1000n,
      incremental: false,
      after: { user_id: 5n },
    })
  })

  test('names its transaction, of which the log gives 32 bits', async () => {
    const most = await changeOf('users', { op: 'c', after: ada, txId: 2n ** 32n - 1n })
    expect(most).toHaveProperty('transaction', 4_294_967_295)
    const first = await changeOf('users', { op: 'd', before: ada, txId: 0n })
    expect(first).toHaveProperty('transaction', 0)
  })

  test.each([
    ['incremental', true],
    ['true', false],
    ['last', false],
    ['false', false],
    [null, false],
  ])('that a snapshot %p reads says whether it missed any', async (snapshot, incremental) => {
    const tweet = { tweet_id: 1n, user_id: 5n, text: null, created_at: joined }
    const change = await changeOf('tweets', { op: 'r', after: tweet, snapshot, txId: null })
    expect(change).toMatchObject({ kind: 'read', incremental })
    expect(change).not.toHaveProperty('transaction')
  })

  test('of an update holds what a retract needs', async () => {
    const before = { tweet_id: 1n, user_id: 5n, text: null, created_at: joined }
    const after = { ...before, user_id: 6n }
    const change = await changeOf('tweets', { op: 'u', before, after })
    expect(change).toMatchObject({
      kind: 'update',
      before: { user_id: 5n },
      after: { user_id: 6n },
    })
    const users = await changeOf('users', { op: 'u', before: ada, after: ada })
    expect(users).toMatchObject({ before: { user_id: biggest }, after: ada })
  })

  test('of a delete holds its earlier values', async () => {
    const before = { tweet_id: 1n, user_id: 5n, text: null, created_at: joined }
    expect(await changeOf('tweets', { op: 'd', before })).toMatchObject({
      kind: 'delete',
      before: { user_id: 5n },
    })
  })

  test('has every column of its key, whatever their types', async () => {
    const columns = [
      column.int('a'),
      column.text('b'),
      column.long('user_id'),
      { name: 'c', type: 'boolean' },
    ]
    const row = { a: 1, b: 'x', user_id: 2n, c: true }
    const change = await changeOf('likes', { op: 'c', after: row }, { columns, key: row })
    expect(Object.entries(change.key)).toEqual([
      ['a', 1n],
      ['b', 'x'],
      ['user_id', 2n],
      ['c', 'true'],
    ])
  })

  test('may come from a table whose columns were added, widened or made nullable', async () => {
    const columns = [
      column.int('tweet_id'),
      column.nullable('user_id', 'int'),
      column.nullable('more', { type: 'bytes' }),
    ]
    const after = { tweet_id: 1, user_id: 7, more: null }
    expect(await changeOf('tweets', { op: 'c', after }, { columns })).toMatchObject({
      key: { tweet_id: 1n },
      after: { user_id: 7n },
    })
  })
})

describe('what the replica identity did not give', () => {
  const whole = { tweet_id: 1n, user_id: 5n, text: 'x', created_at: joined }
  const bare = { tweet_id: 1n, user_id: 0n, text: null, created_at: '1970-01-01T00:00:00.000000Z' }

  test.each([
    ['a delete with its key alone', { op: 'd', before: bare }],
    [
      'a delete with an index that leaves the column out',
      { op: 'd', before: { ...bare, created_at: joined } },
    ],
    ['an update without before', { op: 'u', after: whole }],
    ['an update with a before of fillers', { op: 'u', before: bare, after: whole }],
  ])('is no value: %s', async (_, values) => {
    const change = await changeOf('tweets', values)
    expect(change).toHaveProperty('before', undefined)
  })

  test('is told from a real value that looks like a filler by a column that may be null', async () => {
    const change = await changeOf('tweets', { op: 'd', before: { ...whole, user_id: 0n } })
    expect(change).toHaveProperty('before', { user_id: 0n })
  })

  test('is told from one by a column of no unique index, where the indexes are known', async () => {
    const values = { op: 'd', before: { ...whole, user_id: 0n, text: null } }
    const before = (unique: readonly string[] | undefined) =>
      changeOf('tweets', values, unique && { unique })
    expect(await before([])).toHaveProperty('before', { user_id: 0n })
    expect(await before(['user_id'])).toHaveProperty('before', { user_id: 0n })
    expect(await before(['created_at'])).toHaveProperty('before', undefined)
    expect(await before(undefined)).toHaveProperty('before', undefined)
  })

  test('is no value where it is the default that the table declares', async () => {
    const columns = tweetColumns.map((each) =>
      each.name === 'user_id' ? { ...each, default: 5 } : each,
    )
    const change = await changeOf(
      'tweets',
      { op: 'd', before: { ...bare, user_id: 5n } },
      { columns },
    )
    expect(change).toHaveProperty('before', undefined)
  })

  test('does not matter where the key holds what is needed', async () => {
    const columns = [
      column.long('user_id'),
      column.long('tweet_id'),
      column.timestamptz('created_at'),
    ]
    const before = { user_id: 0n, tweet_id: 2n, created_at: '1970-01-01T00:00:00.000000Z' }
    const key = { user_id: 0n, tweet_id: 2n }
    const change = await changeOf('likes', { op: 'd', before }, { columns, key })
    expect(change).toHaveProperty('before', { user_id: 0n })
  })

  test('of a long text is unusable in an update, and a text like any other elsewhere', async () => {
    const after = { ...ada, description: placeholder }
    expect(await decode('users', { op: 'u', before: ada, after })).toEqual({
      kind: 'unusable',
      reason: 'update of users came without the unchanged value of description',
      transaction: 731,
    })
    expect((await decode('users', { op: 'c', after })).kind).toBe('change')
  })

  test('that is Debezium’s own is a text that a user may write', async () => {
    const after = { ...ada, description: '__debezium_unavailable_value' }
    expect((await decode('users', { op: 'u', before: ada, after })).kind).toBe('change')
  })

  test('is told to the connector that comes with Millrace', () => {
    const path = `${import.meta.dirname}/../../connectors/millrace.json`
    const settings = JSON.parse(readFileSync(path, 'utf8'))
    expect(settings['unavailable.value.placeholder']).toBe(placeholder)
  })
})

describe('other records', () => {
  test('a key without a value is a tombstone, whatever the key', async () => {
    expect(await decode('users', null)).toEqual({ kind: 'tombstone' })
  })

  test('a truncated table is unusable', async () => {
    expect(await decode('users', { op: 't' })).toEqual({
      kind: 'unusable',
      reason: 'TRUNCATE of users',
      transaction: 731,
    })
    const unknown = await decode('users', { op: 't', txId: null })
    expect(unknown).toMatchObject({ kind: 'unusable', transaction: undefined })
  })

  test.each([
    ['an op that is none', { op: 'm' }, /op 'm'/],
    ['an insert of nothing', { op: 'c' }, /without a row/],
    ['an update to nothing', { op: 'u', before: ada }, /without a row/],
    ['no transaction', { op: 'd', before: ada, txId: null }, /source\.txId/],
    ['a snapshot of nothing', { op: 'r' }, /op 'r' without a row/],
    ['no position', { op: 'c', after: ada, lsn: null }, /position/],
    ['no version', { op: 'c', after: ada, version: 'x' }, /version of Debezium/],
    ['no timestamp', { op: 'c', after: { ...ada, joined_date: 'now' } }, /joined_date/],
  ])('%s is undecodable', async (_, values, reason) => {
    const decoded = await decode('users', values)
    expect(decoded).toEqual({ kind: 'undecodable', reason: expect.stringMatching(reason) })
  })
})

describe('what stops the view', () => {
  async function failure(...args: Parameters<typeof decode>): Promise<MillraceError> {
    const error = await decode(...args).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    if (!(error instanceof MillraceError)) throw new Error('it did not stop')
    return error
  }

  const without = (name: string) => userColumns.filter((each) => each.name !== name)

  test('a needed column that is gone, by name', async () => {
    const { name: _, ...after } = ada
    const error = await failure('users', { op: 'c', after }, { columns: without('name') })
    expect(error).toMatchObject({ code: 'column-gone', waitsForPeople: true })
    expect(error.message).toMatch(/column name of users .* view user-information/)
  })

  test.each<[string, Column, unknown]>([
    ['text became int', column.int('username'), 1],
    [
      'text became a uuid',
      { name: 'username', type: { type: 'string', 'connect.name': 'io.debezium.data.Uuid' } },
      'x',
    ],
    [
      'timestamptz became timestamp',
      {
        name: 'joined_date',
        type: { type: 'long', 'connect.name': 'io.debezium.time.MicroTimestamp' },
      },
      1n,
    ],
    ['timestamptz became text', column.text('joined_date'), joined],
    ['bigint became text', column.text('user_id'), '1'],
    [
      'bigint became a date',
      { name: 'user_id', type: { type: 'int', 'connect.name': 'io.debezium.time.Date' } },
      1,
    ],
    ['bigint became an array', { name: 'user_id', type: { type: 'array', items: 'long' } }, [1n]],
  ])('a needed column of another type: %s', async (_, changed, value) => {
    const columns = userColumns.map((each) => (each.name === changed.name ? changed : each))
    const after = { ...ada, [changed.name]: value }
    const error = await failure('users', { op: 'c', after }, { columns })
    expect(error).toMatchObject({ code: 'column-retyped', waitsForPeople: true })
    expect(error.message).toContain(`column ${changed.name} of users`)
  })

  test.each(['3.6.9.Final', '2.7.4.Final', '3.7.0.Beta2', '3.7.0.CR1', '3.7.0-SNAPSHOT'])(
    'Debezium %s, which loses rows',
    async (version) => {
      const error = await failure('users', { op: 'c', after: ada, version })
      expect(error).toMatchObject({ code: 'debezium-too-old', waitsForPeople: true })
      expect(error.message).toContain(version)
    },
  )

  test.each(['3.7.0.Final', '3.7.1.Final', '3.10.0.Alpha1', '4.0.0.Final'])(
    'and not Debezium %s',
    async (version) => {
      expect((await decode('users', { op: 'c', after: ada, version })).kind).toBe('change')
    },
  )
})

describe('a record whose schema', () => {
  /** Of a topic of which schema 4 is known by an earlier record. */
  const decoded = async (known: Readonly<Record<number, Schema>>, key: Uint8Array | null) => {
    const found = decoder({
      registry: knownSchemas({ ...known, 4: values }),
      view: userInformation,
      table: 'tweets',
      topic: 't',
      clock: systemClock,
      placeholder,
      unknownSchemaMs: 0,
    })
    const truncate = envelope({ op: 't', txId: 5n })
    await found.decode(logRecord(null, framed(4, values, truncate)))
    return found.decode(logRecord(key, framed(2, values, truncate)))
  }
  const keys = keySchema('tweets', [column.long('tweet_id')])
  const values = envelopeSchema('tweets', tweetColumns)

  test.each([
    ['of the key', 1, { 2: values }],
    ['of the value', 2, { 1: keys }],
  ])('%s was never known is undecodable, and says so', async (_, id, known) => {
    const answer = await decoded(known, framed(1, keys, { tweet_id: 1n }))
    expect(answer).toMatchObject({
      kind: 'undecodable',
      reason: `the schema registry does not know schema ${id}, though it knows others of the topic`,
    })
  })

  test('is known and that has no key may still say that the table was emptied', async () => {
    expect(await decoded({ 2: values }, null)).toEqual({
      kind: 'unusable',
      reason: 'TRUNCATE of tweets',
      transaction: 5,
    })
  })
})
