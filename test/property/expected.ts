/**
 * What views have to be, by SQL that is written here and shares nothing with the truth query: plain
 * columns, counts and sums, whose values are looked up as texts. Of rows that have an order, its
 * spelling alone is Millrace's own.
 */
import type { Client } from 'pg'
import { absentText, encodeEntry } from '../../src/store/entry-text.ts'
import { canonicalTable } from '../../src/table-name.ts'
import { dayText } from '../../src/types/moments.ts'
import { typeOf, type ColumnType } from '../../src/types/types.ts'
import type { Condition } from '../../src/view/condition.ts'
import { itemColumns, type ItemForm, type View } from '../../src/view/view.ts'
import { aggregateKinds } from './aggregates.ts'
import { sqlName } from './changes.ts'
import { conditionSql, kindOfCondition } from './conditions.ts'
import type { Form, PlainTexts } from './forms.ts'
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
    const found = entries.get(place) ?? { parts, fields: null, counts: {}, tallies: new Map() }
    entries.set(place, found)
    return found
  }
  for (const { parts, fields } of await ownersOf(plan, view, asked)) entry(parts).fields = fields
  const windowAt = view.key.findIndex(({ window }) => window)
  for (const { name, table, by, adds, where } of view.counts) {
    const added = adds.kind === 'row' ? undefined : adds.column
    const amount =
      added === undefined
        ? 'count(*)'
        : `${adds.kind === 'sum' ? 'sum' : 'count'}(${quoted(added)})`
    const question: Question = { table, columns: by, amount, windowAt, where }
    for (const texts of await textsOf(plan, question, asked)) {
      const parts = texts.slice(0, by.length) as string[]
      entry(parts).counts[name] = BigInt(texts.at(-1) ?? '0')
    }
  }
  for (const { name, table, by, item, where } of view.tallies) {
    const columns = [...by, ...itemColumns(item).map(({ column }) => column)]
    for (const texts of await textsOf(plan, { table, columns, windowAt, where }, asked)) {
      const spelledItem = itemIn(item, texts.slice(by.length))
      if (texts.slice(0, by.length).includes(null) || spelledItem === undefined) continue
      const { tallies } = entry(texts.slice(0, by.length) as string[])
      const cells = tallies.get(name) ?? new Map<string, bigint>()
      tallies.set(name, cells.set(spelledItem, (cells.get(spelledItem) ?? 0n) + 1n))
    }
  }
  return new Map(
    [...entries.values()].map(({ parts, fields, counts, tallies }) => {
      const all = Object.fromEntries(view.counts.map(({ name }) => [name, counts[name] ?? 0n]))
      tally.add(fields === null ? 'counts without a row' : 'entry', 1)
      if (!view.row) tally.add('entry of a view without owning rows')
      if (view.key.some(({ window }) => window)) tally.add('entry of a window')
      for (const { type } of view.key) tally.add(`key of ${type}`)
      tally.add(`key of ${parts.length}`)
      tally.add('count above one', Object.values(all).filter((count) => count > 1n).length)
      noteTallies(view, tallies, tally)
      const key = spelled(parts)
      return [key, encodeEntry(view.layout, key, { fields, counts: all, tallies })]
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
  readonly tallies: Map<string, Map<string, bigint>>
}

/** What tallies can be. */
export const tallyKinds = aggregateKinds.map((kind) => `aggregate of ${kind}`)
/** What only many random rows are sure to make. */
export const tallyShapes = ['item with several rows', 'several items', 'list of several rows']

function noteTallies(view: View, tallies: Expected['tallies'], tally: Tally): void {
  for (const { kind, tally: name } of view.aggregates) {
    const cells = [...(tallies.get(name ?? '') ?? [])]
    if (name === undefined || cells.length > 0) tally.add(`aggregate of ${kind}`)
    const isList = ['latest', 'earliest'].includes(kind)
    if (cells.length > 1) tally.add(isList ? 'list of several rows' : 'several items')
    if (cells.some(([, amount]) => amount > 1n)) tally.add('item with several rows')
  }
}

/** Undefined where a row of these texts gives nothing. */
function itemIn(form: ItemForm, texts: readonly (string | null)[]): string | undefined {
  if (form.kind === 'values') return texts.includes(null) ? undefined : spelled(texts as string[])
  const [order, ...rest] = texts
  if (order === null) return undefined
  const inOrder = (type: ColumnType, text: string) => typeOf(type).order?.spell(text, 0) ?? text
  const keys = form.key.map(({ type }, at) => inOrder(type, rest[at]!))
  return JSON.stringify([inOrder(form.order.type, order!), ...keys, ...rest.slice(keys.length)])
}

type Question = {
  readonly table: string
  readonly columns: readonly string[]
  /** Of groups that have no null in them. */
  readonly amount?: string
  /** Place of the column of dates that are counted by weeks from 1970; -1 for none. */
  readonly windowAt?: number
  readonly where?: readonly Condition[]
}

async function textsOf(
  plan: Plan,
  { table: name, columns, amount, windowAt = -1, where: asked = [] }: Question,
  { client, plain, tally }: Asked,
): Promise<readonly (string | null)[][]> {
  const table = tableNamed(plan, name)
  const names = columns.map(quoted)
  const forms = columns.map((column) => formOf(table, column))
  const startSql = (column: string, at: number) => windowSql(column, forms[at]!)
  const texts = names.map((column, at) =>
    at === windowAt ? startSql(column, at) : `${column}::text`,
  )
  const time = names[windowAt]
  const conditions = [
    ...(amount ? names.map((column) => `${column} is not null`) : []),
    ...(time === undefined ? [] : [`isfinite(${time})`]),
    ...asked.map((each) => conditionSql(each, quoted(each.column), formOf(table, each.column))),
  ]
  const where = conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`
  const grouped = names.map((column, at) => (at === windowAt ? startSql(column, at) : column))
  const text = amount
    ? `select ${texts.join(', ')}, (${amount})::text from ${sqlName(table)}
       ${where} group by ${grouped.join(', ')}`
    : `select ${texts.join(', ')} from ${sqlName(table)} ${where}`
  const { rows } = await client.query<(string | null)[]>({ text, rowMode: 'array' })
  if (rows.length > 0) for (const each of asked) tally.add(kindOfCondition(each))
  return rows.flatMap((row) => {
    const isWeek = windowAt >= 0 && forms[windowAt]!.type === 'date'
    // No week begins before the first day that Postgres knows.
    if (isWeek && Number(row[windowAt]) < firstDay) return []
    return [
      row.map((value, at) => {
        if (at === windowAt) return isWeek ? dayText(Number(value)) : value
        return value === null || at >= forms.length ? value : plain.of(forms[at]!, value)
      }),
    ]
  })
}

const firstDay = -2_440_588

/** The first day of a week, in days from 1970, or the first moment of a quarter of an hour. */
function windowSql(column: string, { type }: Form): string {
  if (type === 'date') return `(floor((${column} - date '1970-01-01') / 7.0) * 7)::int::text`
  const zone = type === 'timestamptz' ? 'Z' : ''
  const start = `to_timestamp(floor(extract(epoch from ${column}) / 900) * 900) at time zone 'UTC'`
  return `to_char(${start}, 'YYYY-MM-DD"T"HH24:MI:SS.US"${zone}"')`
}

function formOf(table: Table, column: string): Form {
  return table.columns.find((each) => each.name === column)!.form
}

function quoted(column: string): string {
  return `"${column.replaceAll('"', '""')}"`
}

export function tableNamed({ tables }: Plan, name: string): Table {
  return tables.find((table) => canonicalTable(nameOf(table)) === name)!
}

/** Parts with colons between them; a colon or backslash in one of several has a backslash. */
function spelled(parts: readonly string[]): string {
  if (parts.length === 1) return parts[0]!
  return parts.map((part) => part.replaceAll('\\', '\\\\').replaceAll(':', '\\:')).join(':')
}

/** Of a view that lets entries go, a bound that some of its entries are below. */
export function someBound({ key, keep }: View): { readonly at: number; readonly text: string } {
  const at = keep === undefined ? -1 : key.findIndex((part) => part.window || part.type === 'date')
  return { at, text: key[at]?.type === 'date' ? '1970-01-01' : '2026-11-21T10:30:00' }
}

/** The same in seconds. */
export function secondsOf({ at, text }: ReturnType<typeof someBound>): number | undefined {
  return at < 0 ? undefined : Date.parse(text.includes('T') ? `${text}Z` : text) / 1_000
}

/** Those that are not below it, of texts that a year of four digits begins or a sign. */
export function above(view: View, entries: Entries, tally: Tally): Entries {
  const { at, text: bound } = someBound(view)
  if (at < 0) return entries
  const isBelow = (text: string) => text.startsWith('-') || (text !== 'infinity' && text < bound)
  const left = [...entries].filter(([key]) => !isBelow(partsOf(view, key)[at]!))
  if (left.length > 0) tally.add('entry above the bound', left.length)
  tally.add('entry below the bound', entries.size - left.length)
  return new Map(left)
}

/** The parts of a key, as `spelled` has written them: one alone stands as it is. */
function partsOf(view: View, key: string): readonly string[] {
  if (view.key.length === 1) return [key]
  return key.split(/(?<!\\)(?:\\\\)*:/).map((part) => part.replaceAll(/\\(.)/g, '$1'))
}

/** The first places where they differ, in words. */
export function unequal(view: View, expected: Entries, found: Entries): readonly string[] {
  const absent = absentText(view.layout)
  const said = (text = absent) => (text === absent ? 'nothing' : text)
  const keys = new Set([...expected.keys(), ...found.keys()])
  const lines = [...keys].flatMap((key) => {
    const [should, is] = [said(expected.get(key)), said(found.get(key))]
    return should === is ? [] : [`${JSON.stringify(key)}: ${is}, SQL says ${should}`]
  })
  return lines.slice(0, 10)
}
