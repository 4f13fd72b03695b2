/** The tables of a plan in Postgres, and what is worth saying of them. */
import type { Client } from 'pg'
import { typeOf } from '../../src/types/types.ts'
import { identifier } from '../../src/view/sql-text.ts'
import { canonicalTable } from '../../src/table-name.ts'
import { sqlName } from './changes.ts'
import { tableNamed } from './expected.ts'
import { nameOf, type Column, type Plan, type Table } from './plan.ts'
import { rowGroupsOf, tablesOf } from '../../src/view/view.ts'
import type { Tally } from './tally.ts'

export async function createTables(client: Client, { tables }: Plan): Promise<void> {
  for (const table of tables) await client.query(tableSql(table))
}

export function tableSql(table: Table): string {
  const columns = table.columns.map(columnSql)
  const key = `primary key (${table.key.map(identifier).join(', ')})`
  return `create table ${sqlName(table)} (${[...columns, key].join(', ')});
    alter table ${sqlName(table)} replica identity ${table.identity}`
}

/** With the conditions that the source has to hold to where a view shows such a column. */
function columnSql({ name, form, nullable }: Column): string {
  const checks = typeOf(form.type).conditions.map(
    ({ sql }) => ` check (${sql.replaceAll('COLUMN', () => identifier(name))})`,
  )
  return `${identifier(name)} ${form.column}${nullable ? '' : ' not null'}${checks.join('')}`
}

/** Kinds of plans. */
export const tableKinds = [
  'two counts of one table by columns outside its key',
  'two counts of one table that have a column in common',
  'count by columns of the primary key',
  'count by several columns',
  'count of the rows that entries belong to',
  'table that several views read',
  'name with a quote',
  'table of another schema',
  'replica identity default',
  'replica identity full',
]

export function noteTables(plan: Plan, tally: Tally): void {
  for (const table of plan.tables) {
    tally.add(`replica identity ${table.identity}`)
    if (table.columns.some(({ name }) => name.includes('"'))) tally.add('name with a quote')
    const name = canonicalTable(nameOf(table))
    if (name.includes('.')) tally.add('table of another schema')
    const readers = plan.views.filter((view) => tablesOf(view).includes(name))
    if (readers.length > 1) tally.add('table that several views read')
  }
  for (const view of plan.views) {
    const { row } = view
    const counts = rowGroupsOf(view)
    const outside = (count: (typeof counts)[number]) => {
      const { key } = tableNamed(plan, count.table)
      return count.by.every((column) => !key.includes(column))
    }
    for (const [at, count] of counts.entries()) {
      if (!outside(count)) tally.add('count by columns of the primary key')
      if (count.by.length > 1) tally.add('count by several columns')
      if (count.table === row.table) tally.add('count of the rows that entries belong to')
      for (const other of counts.slice(at + 1).filter(({ table }) => table === count.table)) {
        if (count.by.join() === other.by.join()) continue
        const shared = count.by.some((column) => other.by.includes(column))
        if (shared) tally.add('two counts of one table that have a column in common')
        if (outside(count) && outside(other)) {
          tally.add('two counts of one table by columns outside its key')
        }
      }
    }
  }
}
