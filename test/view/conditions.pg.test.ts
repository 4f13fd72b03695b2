import type { Client } from 'pg'
import { typeOf, type ColumnType } from '../../src/types/types.ts'
import {
  comparisons,
  conditionSql,
  faultsOfCondition,
  isMet,
  type Condition,
} from '../../src/view/condition.ts'
import { sourceFixture, type SourceFixture } from '../source/source-fixture.ts'
import { edges, moodLabels } from '../types/edges.ts'

let fixture: SourceFixture
let client: Client

beforeAll(async () => {
  fixture = await sourceFixture()
  client = fixture.admin
  const labels = moodLabels.map((label) => client.escapeLiteral(label)).join(', ')
  await client.query(`create type EDGE_MOOD as enum (${labels});
    set timezone to 'America/New_York'; set datestyle to 'SQL, DMY'`)
}, 60_000)

afterAll(() => fixture?.close())

const compared = edges.filter(({ type }) => typeOf(type).constant)
const all = (form: (typeof edges)[number]) => [...form.values, ...(form.unwritten ?? [])]

/** Every condition that compares a column of the type with one of these texts. */
function conditionsOf(type: ColumnType, texts: readonly string[]): Condition[] {
  const column = 'Some "column"'
  const one = comparisons.filter((is) => !['in', 'null', 'not null'].includes(is))
  return [
    ...texts.flatMap((text) => one.map((is) => ({ column, type, is, values: [text] }))),
    { column, type, is: 'in' as const, values: texts.slice(0, 2) },
    { column, type, is: 'in' as const, values: [] },
    { column, type, is: 'null' as const, values: [] },
    { column, type, is: 'not null' as const, values: [] },
  ].filter((condition) => faultsOfCondition(condition).length === 0)
}

test('conditions are met by the rows that SQL says, for each type at its edges, and by no null', async () => {
  const met = new Map<boolean, number>()
  for (const form of compared) {
    const { type, column } = form
    const values = [...all(form), ['null', null] as const]
    const texts = values.flatMap(([, text]) => (text === null || text.length > 100 ? [] : [text]))
    const conditions = conditionsOf(type, texts)
    expect(conditions.length).toBeGreaterThan(4)
    const answers = conditions.map((condition) => `(${conditionSql(condition)}) is true`).join(', ')
    for (const [sql, text] of values) {
      const { rows } = await client.query<boolean[]>({
        text: `select ${answers} from (select (${sql})::${column} as "Some ""column""") r`,
        rowMode: 'array',
      })
      const row = { 'Some "column"': text !== null && /int/.test(type) ? BigInt(text) : text }
      for (const [at, condition] of conditions.entries()) {
        const answer = rows[0]![at]!
        met.set(answer, (met.get(answer) ?? 0) + 1)
        expect([condition, text, isMet(condition, row)]).toEqual([condition, text, answer])
      }
    }
  }
  expect(compared.length).toBeGreaterThan(10)
  expect(Math.min(...[true, false].map((answer) => met.get(answer) ?? 0))).toBeGreaterThan(100)
})
