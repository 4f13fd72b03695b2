import * as fc from 'fast-check'
import type { LogRecord } from '../../src/change.ts'
import { RowTable, type RowState } from '../../src/bootstrap/row-table.ts'
import type { Mutation } from '../../src/mutation.ts'
import type { KafkaOffset } from '../../src/position.ts'

const record = (key: string | null, offset: number): LogRecord => ({
  offset: BigInt(offset) as KafkaOffset,
  timestampMs: 7,
  key: key === null ? null : Buffer.from(key),
  value: Buffer.from(`value ${offset}`),
})

const row = (id: bigint, ...entries: readonly string[]): RowState => ({
  kind: 'row',
  key: { id },
  contributions: entries.map((entry) => ({ entry, put: undefined, add: { likeCount: 1n } })),
})

test('sums the contributions of the last state of each key', () => {
  return fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 5 }), fc.option(fc.constantFrom('a', 'b', 'c')))),
      async (steps) => {
        const table = new RowTable()
        const last = new Map<number, string>()
        for (const [offset, [key, entry]] of steps.entries()) {
          const state: RowState = entry === null ? { kind: 'gone' } : row(BigInt(key), entry)
          table.set(record(`${key}`, offset), state)
          if (entry === null) last.delete(key)
          else last.set(key, entry)
        }
        const expected: Record<string, bigint> = {}
        for (const entry of last.values()) expected[entry] = (expected[entry] ?? 0n) + 1n
        const found = (await all(table)).map(({ entry, add }) => [entry, add['likeCount']])
        expect(Object.fromEntries(found)).toEqual(expected)
        expect(found.length).toBe(Object.keys(expected).length)
        table.close()
      },
    ),
  )
})

test('keeps fields, nulls and 64-bit keys as they were', async () => {
  const table = new RowTable()
  const put = { username: 'ü\n"', name: null }
  const key = { id: 9_223_372_036_854_775_807n }
  table.set(record('k', 1), { kind: 'row', key, contributions: [{ entry: '1', put, add: {} }] })
  expect(await all(table)).toEqual([{ entry: '1', put, add: {} }])
  expect([...table.rows()].flat().map((it) => it.key)).toEqual([key])
  table.close()
})

test('a row that no record touched from an offset on can be removed', async () => {
  const table = new RowTable()
  table.set(record('old', 3), row(1n, 'a'))
  table.set(record('touched', 5), row(2n, 'b'))
  const ids = [...table.rows()].flat().map(({ id }) => id)
  expect(ids.map((id) => table.removeUntouched(id, 5n as KafkaOffset))).toEqual([true, false])
  expect((await all(table)).map(({ entry }) => entry)).toEqual(['b'])
  table.close()
})

test('a record that can not be decoded is kept while it is the last of its key', async () => {
  const table = new RowTable()
  const [first, second] = [record('k', 1), record(null, 2)]
  const broken = (it: LogRecord): RowState => ({ kind: 'undecodable', record: it, reason: 'why' })
  table.set(first, broken(first))
  table.set(second, broken(second))
  expect(table.undecodable(10)).toEqual([
    { record: { ...first, key: bytes('k'), value: bytes('value 1') }, reason: 'why' },
    { record: { ...second, value: bytes('value 2') }, reason: 'why' },
  ])
  table.set(record('k', 3), row(1n, 'a'))
  expect(table.undecodable(10).map(({ record: { offset } }) => offset)).toEqual([2n])
  expect((await all(table)).length).toBe(1)
  table.close()
})

const bytes = (text: string) => new Uint8Array(Buffer.from(text))

async function all(table: RowTable): Promise<readonly Mutation[]> {
  const mutations: Mutation[] = []
  for await (const mutation of table.mutations()) mutations.push(mutation)
  return mutations
}
