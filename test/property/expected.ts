/**
 * What views have to be, by SQL that is written here and shares nothing with the truth query: plain
 * columns and plain counts, whose values are looked up as texts.
 */
import type { Client } from 'pg'
import { encodeEntry } from '../../src/store/entry-text.ts'
import { canonicalTable } from '../../src/table-name.ts'
import { dayText } from '../../src/types/moments.ts'
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
    const windowAt = view.key.findIndex(({ window }) => window)
    const question: Question = { table, columns: by, isCounted: true, windowAt }
    for (const texts of await textsOf(plan, question, asked)) {
      const parts = texts.slice(0, by.length) as string[]
      entry(parts).counts[name] = BigInt(texts.at(-1)!)
    }
  }
  return new Map(
    [...entries.values()].map(({ parts, fields, counts }) => {
      const all = Object.fromEntries(view.counts.map(({ name }) => [name, counts[name] ?? 0n]))
      tally.add(fields === null ? 'counts without a row' : 'entry', 1)
      if (!view.row) tally.add('entry of a view without owning rows')
      if (view.key.some(({ window }) => window)) tally.add('entry of a window')
      for (const { type } of view.key) tally.add(`key of ${type}`)
      tally.add(`key of ${parts.length}`)
      tally.add('count above one', Object.values(all).filter((count) => count > 1n).length)
      const key = spelled(parts)
      return [key, encodeEntry(view.layout, key, { fields, counts: all })]
    }),
  )
}

async function ownersOf(plan: Plan, { row }: View, asked: Asked) {
  if (!row) return []
  const columns = [...row.key, ...row.fields.map((each) => each.column)]
  const { tally } = asked
  return (await textsOf(plan, { table: row.table, columns }, asked)).map((texts) => {
    const parts = texts.slice(0, row.key.length) as string[]
    const values = texts.slice(row.key.length)
    for (const [at, { type }] of row.fields.entries()) {
      tally.add(values[at] === null ? 'null in a field' : `field of ${type}`)
    }
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
  /** Place of the column of dates that are counted by weeks from 1970; -1 for none. */
  readonly windowAt?: number
}

async function textsOf(
  plan: Plan,
  { table: name, columns, isCounted, windowAt = -1 }: Question,
  { client, plain }: Asked,
): Promise<readonly (string | null)[][]> {
  const table = tableNamed(plan, name)
  const quoted = columns.map((column) => `"${column.replaceAll('"', '""')}"`)
  const texts = quoted.map((column, at) => (at === windowAt ? weekSql(column) : `${column}::text`))
  const week = quoted[windowAt]
  const isDay = week === undefined ? '' : `and isfinite(${week})`
  const text = isCounted
    ? `select ${texts.join(', ')}, count(*)::text from ${sqlName(table)}
       where ${quoted.map((column) => `${column} is not null`).join(' and ')} ${isDay}
       group by ${quoted.map((column, at) => (at === windowAt ? weekSql(column) : column)).join(', ')}`
    : `select ${texts.join(', ')} from ${sqlName(table)}`
  const { rows } = await client.query<(string | null)[]>({ text, rowMode: 'array' })
  const forms = columns.map((column) => table.columns.find((each) => each.name === column)!.form)
  return rows.flatMap((row) => {
    // No week begins before the first day that Postgres knows.
    if (windowAt >= 0 && Number(row[windowAt]) < firstDay) return []
    return [
      row.map((value, at) => {
        if (at === windowAt) return dayText(Number(value))
        return value === null || at >= forms.length ? value : plain.of(forms[at]!, value)
      }),
    ]
  })
}

const firstDay = -2_440_588

/** The first day of a week, in days from 1970. */
function weekSql(column: string): string {
  return `(floor((${column} - date '1970-01-01') / 7.0) * 7)::int::text`
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
