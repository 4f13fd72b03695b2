/** The tables of a view in a Postgres, and what SQL answers over them. */
import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
import { unreachable } from '../errors.ts'
import { canonicalTable } from '../table-name.ts'
import { typeOf, type ColumnType } from '../types/types.ts'
import { identifier, literal, tableName } from '../view/sql-text.ts'
import { readTruth, type Answer } from '../view/truth-page.ts'
import { rangeQuery } from '../view/truth-query.ts'
import { viewOf, type View } from '../view/view.ts'
import type { RandomChange } from './random-changes.ts'
import { enumLabels } from './random-values.ts'
import type { RowValues, TestTable } from './rows.ts'
import { canonicalValue, elementOf, plainValue, type ColumnValue } from './values.ts'

export type Mirror = {
  /** In one transaction, rolled back where it is not kept. */
  play(changes: readonly RandomChange[], isKept: boolean): Promise<void>
  /** Entries by key, as `entry-text.ts` writes them. */
  truth(): Promise<ReadonlyMap<string, string>>
  /** Removes the schema. */
  close(): Promise<void>
}

const label = 'label'
const limits = { keysMax: 10_000, rowsMax: 1_000_000 }

/** Rejects with what Postgres says where it can't be reached, or the schema can't be made. */
export async function openMirror(
  url: string,
  view: View,
  tables: ReadonlyMap<string, TestTable>,
): Promise<Mirror> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 10_000 })
  client.on('error', () => undefined)
  await client.connect()
  const schema = `millrace_test_${randomBytes(6).toString('hex')}`
  const close = async () => {
    try {
      await client.query(`rollback; drop schema if exists ${schema} cascade`)
    } finally {
      await client.end()
    }
  }
  const names = { schema, of: (table: string) => tableName(moved(schema, table)) }
  try {
    // Below 1, numbers of floating point would be rounded.
    await client.query(`set extra_float_digits = 1; create schema ${schema};
      create type ${schema}.${label} as enum (${enumLabels.map(literal).join(', ')})`)
    for (const table of tables.values()) await client.query(createSql(names, table))
  } catch (error) {
    await close()
    throw error
  }
  const mirrored = movedView(schema, view)
  return {
    async play(changes, isKept) {
      await client.query('begin')
      for (const change of changes) await client.query(changeSql(names, change))
      await client.query(isKept ? 'commit' : 'rollback')
    },
    async truth() {
      const query = rangeQuery(mirrored, undefined, limits)
      const answers: Answer[] = []
      await client.query('begin isolation level repeatable read, read only')
      for (const text of query.prelude) await client.query(text)
      for (const text of query.statements) {
        answers.push((await client.query<unknown[]>({ text, rowMode: 'array' })).rows)
      }
      await client.query('commit')
      return readTruth(mirrored, query, answers).entries
    },
    close,
  }
}

type Names = { readonly schema: string; of(table: string): string }

/** Tables of different schemas may have one name, so each has the whole one here. */
function moved(schema: string, table: string): string {
  return canonicalTable(`${schema}."${table.replaceAll('"', '""')}"`)
}

function movedView(schema: string, view: View): View {
  return viewOf({
    ...view,
    row: { ...view.row, table: moved(schema, view.row.table) },
    counts: view.counts.map((count) => ({ ...count, table: moved(schema, count.table) })),
    tallies: view.tallies.map((tally) => ({ ...tally, table: moved(schema, tally.table) })),
  })
}

function createSql(names: Names, table: TestTable): string {
  const columns = [...new Set([...table.key, ...Object.keys(table.types)])]
  const listed = columns.map((column) => `${identifier(column)} ${columnSql(names, table, column)}`)
  const key = table.key.map(identifier).join(', ')
  return `create table ${names.of(table.name)} (${listed.join(', ')}, primary key (${key}))`
}

function columnSql(names: Names, { types }: TestTable, column: string): string {
  const type = types[column]
  return type === undefined ? 'bigint' : typeSql(names, type)
}

function typeSql(names: Names, type: ColumnType): string {
  if (type.endsWith('[]')) return `${typeSql(names, elementOf(type))}[]`
  if (type === 'enum') return `${names.schema}.${label}`
  return type === 'char' ? 'char(8)' : typeOf(type).stored.type
}

function changeSql(names: Names, change: RandomChange): string {
  const { table } = change
  const value = (column: string, values: RowValues) =>
    valueSql(names, table, [column, values[column]])
  const where = (key: RowValues) =>
    table.key.map((column) => `${identifier(column)} = ${value(column, key)}`).join(' and ')
  switch (change.kind) {
    case 'insert': {
      const columns = Object.keys(change.values)
      const values = columns.map((column) => value(column, change.values))
      return `insert into ${names.of(table.name)} (${columns.map(identifier).join(', ')}) values (${values.join(', ')})`
    }
    case 'update': {
      const set = Object.keys(change.values).map(
        (column) => `${identifier(column)} = ${value(column, change.values)}`,
      )
      if (set.length === 0) return 'select'
      return `update ${names.of(table.name)} set ${set.join(', ')} where ${where(change.key)}`
    }
    case 'delete':
      return `delete from ${names.of(table.name)} where ${where(change.key)}`
    default:
      return unreachable(change)
  }
}

function valueSql(
  names: Names,
  table: TestTable,
  [column, value]: readonly [string, ColumnValue],
): string {
  const type = table.types[column]
  if (value === null || value === undefined) return 'null'
  if (type === undefined) return literal(plainValue(value) as string)
  const to = `::${typeSql(names, type)}`
  if (!type.endsWith('[]')) return literal(storedText(type, value)) + to
  const element = elementOf(type)
  const items = (value as readonly ColumnValue[]).map((item) =>
    item === null ? 'null' : literal(storedText(element, item)),
  )
  return `array[${items.join(', ')}]${to}`
}

function storedText(type: ColumnType, value: ColumnValue): string {
  return typeOf(type).stored.value(String(canonicalValue(type, value)))
}
