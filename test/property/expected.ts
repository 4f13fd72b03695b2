/**
 * What views have to be, by SQL that is written here and shares nothing with the truth query: plain
 * columns and plain counts, whose values are looked up as texts.
 */
import type { Client } from 'pg'
import { encodeEntry } from '../../src/store/entry-text.ts'
import { canonicalTable } from '../../src/table-name.ts'
import type { View } from '../../src/view/view.ts'
import { sqlName } from './changes.ts'
import type { PlainTexts } from './forms.ts'
import { nameOf, type Plan, type Table } from './plan.ts'
import type { Tally } from './tally.ts'

/** Entries by key, as `entry-text.ts` writes them: also where there are counts without a row. */
export type Entries = ReadonlyMap<string, string>

export type Asked = { readonly client: Client; readonly plain: PlainTexts; readonly tally: Tally }

export async function expectedOf(plan: Plan, view: View, asked: Asked): Promise<Entries> {
  const { tally } = asked
  const entries = new Map<string, Expected>()
  const entry = (parts: readonly string[]): Expected => {
    const place = JSON.stringify(parts)
    const found = entries.get(place) ?? { parts, fields: null, counts: {} }
    entries.set(place, found)
    return found
  }
  for (const { parts, fields } of await ownersOf(plan, view, asked)) entry(parts).fields = fields
  for (const { name, table, by } of view.counts) {
    for (const texts of await textsOf(plan, { table, columns: by, isCounted: true }, asked)) {
      const parts = texts.slice(0, by.length) as string[]
      entry(parts).counts[name] = BigInt(texts.at(-1)!)
    }
  }
  return new Map(
    [...entries.values()].map(({ parts, fields, counts }) => {
      const all = Object.fromEntries(view.counts.map(({ name }) => [name, counts[name] ?? 0n]))
      tally.add(fields === null ? 'counts without a row' : 'entry', 1)
      tally.add('count above one', Object.values(all).filter((count) => count > 1n).length)
      const key = spelled(parts)
      return [key, encodeEntry(view.layout, key, { fields, counts: all })]
    }),
  )
}

async function ownersOf(plan: Plan, { row, key }: View, asked: Asked) {
  if (!row) return []
  const columns = [...row.key, ...row.fields.map((each) => each.column)]
  const { tally } = asked
  return (await textsOf(plan, { table: row.table, columns }, asked)).map((texts) => {
    const parts = texts.slice(0, row.key.length) as string[]
    const values = texts.slice(row.key.length)
    for (const [at, { type }] of row.fields.entries()) {
      tally.add(values[at] === null ? 'null in a field' : `field of ${type}`)
    }
    for (const { type } of key) tally.add(`key of ${type}`)
    tally.add(`key of ${parts.length}`)
    return {
      parts,
      fields: Object.fromEntries(row.fields.map(({ name }, at) => [name, values[at]!])),
    }
  })
}

type Expected = {
  readonly parts: readonly string[]
  fields: Readonly<Record<string, string | null>> | null
  readonly counts: Record<string, bigint>
}

type Question = {
  readonly table: string
  readonly columns: readonly string[]
  /** Groups that have no null in them, and how many rows each has. */
  readonly isCounted?: true
}

async function textsOf(
  plan: Plan,
  { table: name, columns, isCounted }: Question,
  { client, plain }: Asked,
): Promise<readonly (string | null)[][]> {
  const table = tableNamed(plan, name)
  const quoted = columns.map((column) => `"${column.replaceAll('"', '""')}"`)
  const texts = quoted.map((column) => `${column}::text`)
  const text = isCounted
    ? `select ${texts.join(', ')}, count(*)::text from ${sqlName(table)}
       where ${quoted.map((column) => `${column} is not null`).join(' and ')}
       group by ${quoted.join(', ')}`
    : `select ${texts.join(', ')} from ${sqlName(table)}`
  const { rows } = await client.query<(string | null)[]>({ text, rowMode: 'array' })
  const forms = columns.map((column) => table.columns.find((each) => each.name === column)!.form)
  return rows.map((row) =>
    row.map((value, at) =>
      value === null || at >= forms.length ? value : plain.of(forms[at]!, value),
    ),
  )
}

export function tableNamed({ tables }: Plan, name: string): Table {
  return tables.find((table) => canonicalTable(nameOf(table)) === name)!
}

/** Parts with colons between them; a colon or backslash in one of several has a backslash. */
function spelled(parts: readonly string[]): string {
  if (parts.length === 1) return parts[0]!
  return parts.map((part) => part.replaceAll('\\', '\\\\').replaceAll(':', '\\:')).join(':')
}

/** The first places where they differ, in words. */
export function unequal(expected: Entries, found: Entries): readonly string[] {
  const keys = new Set([...expected.keys(), ...found.keys()])
  const lines = [...keys].flatMap((key) => {
    const [should, is] = [expected.get(key) ?? 'nothing', found.get(key) ?? 'nothing']
    return should === is ? [] : [`${JSON.stringify(key)}: ${is}, SQL says ${should}`]
  })
  return lines.slice(0, 10)
}
