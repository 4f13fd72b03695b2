import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Schema } from 'avsc'
import { systemClock } from '../../src/clock.ts'
import type { Decoded, StreamedChange } from '../../src/change.ts'
import { decoder, type Decoder } from '../../src/decode/decoder.ts'
import { describe as say } from '../../src/errors.ts'
import { fold } from '../../src/view/fold.ts'
import { userInformation } from '../../examples/social/user-information.ts'
import { knownSchemas, logRecord, placeholder } from '../support/builders.ts'

/**
 * Records as Debezium 3.7.0.Final and the Avro converter wrote them, with their schemas. The rows
 * were made by SQL of this order: inserts, updates and deletes under the intended replica
 * identities; then users and tweets under `default`; then tweets under an index on (tweet_id,
 * created_at); then, under `full` again, users with a column added, `username` as int,
 * `joined_date` as timestamp, and `location` renamed.
 */
type Captured = {
  readonly schemas: Readonly<Record<number, Schema>>
  readonly records: readonly CapturedRecord[]
}

type CapturedRecord = {
  readonly topic: string
  readonly partition: number
  readonly key: string | null
  readonly value: string | null
}

const captured = JSON.parse(
  readFileSync(join(import.meta.dirname, 'fixtures/debezium-3.7.0.json'), 'utf8'),
) as Captured
const registry = knownSchemas(captured.schemas)

type Result = Decoded | { readonly kind: 'stopped'; readonly why: string }

/** Everything of one table's topic, by partition and offset. */
async function decodeAll(table: string): Promise<Result[]> {
  const found: Decoder = decoder({
    registry,
    view: userInformation,
    table,
    topic: `millrace.public.${table}`,
    clock: systemClock,
    placeholder,
    unknownSchemaMs: 0,
  })
  const bytes = (text: string | null) => (text === null ? null : Buffer.from(text, 'base64'))
  const results: Result[] = []
  for (const { topic, key, value } of captured.records) {
    if (topic !== `millrace.public.${table}`) continue
    const record = logRecord(bytes(key), bytes(value))
    results.push(
      await Promise.resolve(found.decode(record)).catch((error: unknown) => ({
        kind: 'stopped' as const,
        why: say(error),
      })),
    )
  }
  return results
}

function changes(results: readonly Result[]): StreamedChange[] {
  return results.flatMap((result) => {
    if (result.kind !== 'change') return []
    if (result.change.kind === 'read') throw new Error('no snapshot was taken')
    return [result.change]
  })
}

test('rows with 64-bit keys and dates of every age come exact', async () => {
  const rows = changes(await decodeAll('users')).flatMap((change) =>
    change.kind === 'insert' ? [[change.key['user_id'], change.after['joined_date']]] : [],
  )
  expect(Object.fromEntries(rows.map(([key, date]) => [String(key), date]))).toEqual({
    '-9223372036854775808': '-0043-03-15T12:00:00.000000Z',
    '0': '1970-01-01T00:00:00.000000Z',
    '1': '0000-06-01T00:00:00.500000Z',
    '2': '+294276-12-31T23:59:59.999999Z',
    '3': '-infinity',
    '4': '1800-01-01T00:00:00.000000Z',
    '5': '0050-01-01T00:00:00.000000Z',
    '9007199254740993': '2026-11-21T10:18:00.123456Z',
    '9223372036854775807': 'infinity',
  })
})

test('a follower who moves comes as delete, tombstone and insert', async () => {
  const results = await decodeAll('follows')
  expect(
    results.map((result) => (result.kind === 'change' ? result.change.kind : result.kind)),
  ).toEqual(['insert', 'insert', 'update', 'delete', 'tombstone', 'insert', 'delete', 'tombstone'])
  const [inserted, deleted] = changes(results).filter(({ lsn }) => lsn === 30_806_736n)
  expect(inserted).toMatchObject({ kind: 'insert', after: { follower_id: 1n, followee_id: 3n } })
  expect(deleted).toMatchObject({ kind: 'delete', before: { follower_id: 1n, followee_id: 2n } })
})

test('a change tells the transaction that made it', async () => {
  const made = changes(await decodeAll('follows')).map(
    ({ kind, key, transaction }) =>
      `${kind} ${key['follower_id']} ${key['followee_id']} by ${transaction}`,
  )
  expect(made).toEqual([
    'insert 1 3 by 738',
    'insert 1 2 by 733',
    'update 1 2 by 737',
    'delete 1 2 by 738',
    'insert 9007199254740993 1 by 733',
    'delete 9007199254740993 1 by 745',
  ])
})

test('tweets under another replica identity are never counted by a filler', async () => {
  const folded = changes(await decodeAll('tweets')).map((change) => {
    const { kind } = fold(userInformation, change)
    return `${change.kind} ${change.key['tweet_id']} ${kind}`
  })
  expect(folded).toEqual([
    'insert 4 contributions',
    'update 4 unusable',
    'delete 4 unusable',
    'insert 2 contributions',
    'update 2 unusable',
    'insert 1 contributions',
    'insert 3 contributions',
    'update 1 contributions',
    // This one was whole: a tweet of user 0 without text, written in 1970, can't be told apart.
    'delete 3 unusable',
    'delete 1 unusable',
  ])
})

test('likes and follows need no more than their keys', async () => {
  for (const table of ['likes', 'follows']) {
    for (const change of changes(await decodeAll(table))) {
      expect(fold(userInformation, change).kind).toBe('contributions')
    }
  }
})

test('users under replica identity default: an update is unusable, a delete is not', async () => {
  const folded = changes(await decodeAll('users'))
    .filter((change) => change.key['user_id'] === 9_007_199_254_740_993n)
    .map((change) => `${change.kind} ${fold(userInformation, change).kind}`)
  expect(folded).toEqual([
    'insert contributions',
    'update contributions',
    'update unusable',
    'delete contributions',
  ])
})

test('a column added flows; from the first one retyped on, the view stops', async () => {
  const results = await decodeAll('users')
  const added = changes(results).find(
    (change) => change.kind === 'update' && change.after['name'] === 'extra',
  )
  expect(added).toBeDefined()
  const stopped = results.flatMap((result) => (result.kind === 'stopped' ? [result.why] : []))
  expect(stopped).toHaveLength(3)
  expect(new Set(stopped)).toEqual(
    new Set(['column username of users is now int, and view user-information needs it as text']),
  )
})
