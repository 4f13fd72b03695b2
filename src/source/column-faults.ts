/** What of a table's columns a view can't be kept from, each with its cure. */
import { avroNameOf } from '../avro-name.ts'
import { digitsMost } from '../types/numeric.ts'
import { takerOf, typeOf, type ColumnType } from '../types/types.ts'
import type { Condition, PostgresType, ValueType } from '../types/value-type.ts'
import { lengthText, windowTypes, type Window } from '../types/windows.ts'
import { tableOf } from '../table-name.ts'
import { identifier, tableName } from '../view/sql-text.ts'
import { columnsOf, retractColumnsOf, rowGroupsOf, type View } from '../view/view.ts'
import { holds } from './check-constraints.ts'
import type { TableFacts } from './setup-facts.ts'
import type { SetupFault } from './source.ts'

export function columnFaults(table: string, facts: TableFacts, view: View): SetupFault[] {
  const keys = retractColumnsOf(view, table)
  return Object.entries(columnsOf(view, table)).flatMap(([name, type]) => {
    const column = facts.columns[name]
    const fault = (what: string, mend?: string): SetupFault[] => [
      { table, column: name, what: `column ${name} of ${table} ${what}`, mend },
    ]
    if (!column) return fault('is not there')
    const known = typeOf(type)
    const refused = known.refusal(column.type)
    if (refused) return fault(misfit(view, { table, name, type, found: column.type }))
    if (column.generated)
      return fault('is generated, so the log does not tell it: fill a plain column instead')
    if (keys.includes(name) && !column.deterministic) {
      return fault(
        'has a collation in which different texts are equal: ' +
          `alter table ${tableName(table)} alter column ${identifier(name)} type text collate "C"`,
      )
    }
    return known.conditions
      .filter((condition) => !holds(condition, column.quoted, facts.checks))
      .flatMap(({ why, sql }) => {
        const check = sql.replaceAll('COLUMN', () => identifier(name))
        return fault(
          `may hold what view ${view.name} can't be kept from: ${why}`,
          `alter table ${tableName(table)} add check (${check});`,
        )
      })
  })
}

/** Numeric columns whose values might not be integers of 64 bits at the scale that the view declares. */
export function digitFaults(table: string, facts: TableFacts, view: View): SetupFault[] {
  return scaledColumns(view, table).flatMap(({ name, column: of, scale, cannot }) => {
    const column = facts.columns[of]
    if (column?.type.name !== 'numeric') return []
    const alter = `alter table ${tableName(table)}`
    const quoted = identifier(of)
    const fault = (what: string, mend: string) => [
      { table, what: `column ${of} of ${table} ${what}`, mend },
    ]
    const fits = fitsScale(column.type.full, scale)
    const isNumber = holds(noNaN, column.quoted, facts.checks)
    return [
      ...(fits
        ? []
        : fault(
            `is of type ${column.type.full}, of which ${name} of view ${view.name} takes values with at most ` +
              `${digitsMost - scale} digits before the point and ${scale} behind it`,
            `${alter} alter column ${quoted} type numeric(${digitsMost}, ${scale});`,
          )),
      ...(isNumber
        ? []
        : fault(
            `may hold NaN, which ${name} of view ${view.name} can't ${cannot}`,
            `${alter} add check (${noNaN.sql.replace('COLUMN', () => quoted)});`,
          )),
    ]
  })
}

type Scaled = {
  readonly name: string
  readonly column: string
  readonly scale: number
  readonly cannot: string
}

/** What of a table is added up, or put in order, as decimals. */
function scaledColumns({ counts, tallies }: View, table: string): readonly Scaled[] {
  return [
    ...counts.flatMap(({ name, table: of, adds }) =>
      of === table && adds.kind === 'sum' && adds.type === 'numeric'
        ? [{ name, column: adds.column, scale: adds.scale, cannot: 'add up' }]
        : [],
    ),
    ...tallies.flatMap(({ name, table: of, item }) =>
      of === table && item.kind === 'row' && item.order.type === 'numeric'
        ? [{ name, column: item.order.column, scale: item.scale, cannot: 'put in order' }]
        : [],
    ),
  ]
}

const noNaN: Condition = {
  why: 'NaN is no number',
  sql: `COLUMN <> 'NaN'`,
  written: /^(?:COLUMN|\(COLUMN\)::numeric) <> 'NaN'::numeric$/,
}

function fitsScale(type: string, scale: number): boolean {
  const match = /^numeric\((\d+),(\d+)\)$/.exec(type)
  if (!match) return false
  const [digits, behind] = match.slice(1).map(Number) as [number, number]
  return behind <= scale && digits - behind + scale <= digitsMost
}

/** A table that the connector can't name, and columns that it writes under one name. */
export function nameFaults(table: string, facts: TableFacts, users: readonly View[]): SetupFault[] {
  const names = new Set([
    ...users.flatMap((view) => Object.keys(columnsOf(view, table))),
    ...(facts.primaryKey?.columns ?? []),
  ])
  const taken = new Map<string, string>()
  const { schema, name: own } = tableOf(table)
  const unread = `${schema}${own}`.includes('"')
  const what = `the connector stops at the name of ${table}, for it has a quote in it: rename it`
  const faults = unread ? [{ table, what, mend: undefined }] : []
  const shared = [...names].flatMap((name) => {
    const written = avroNameOf(name)
    const other = taken.get(written)
    taken.set(written, name)
    if (other === undefined) return []
    const same = `columns ${other} and ${name} of ${table} are both written as ${written}`
    return [{ table, what: `${same}: rename one of them`, mend: undefined }]
  })
  return [...faults, ...shared]
}

type Misfit = {
  readonly table: string
  readonly name: string
  readonly type: ColumnType
  readonly found: PostgresType
}

function misfit(view: View, { table, name, type, found }: Misfit): string {
  const known = typeOf(type)
  const { why, instead } = known.refusal(found)!
  const taker = takerOf(found)
  const cure = taker
    ? isKey(view, table, name)
      ? asKey(taker, view.key.find((part) => part.window && part.type === type)?.window)
      : `declare it as ${taker.declare(name)}`
    : instead
  return `${why}, view ${view.name} takes it as ${type} (${known.takes}): ${cure}`
}

/** Whether entries are keyed by it. */
function isKey(view: View, table: string, column: string): boolean {
  const owners = view.row ? [{ table: view.row.table, by: view.row.key }] : []
  return [...owners, ...rowGroupsOf(view)].some(
    (each) => each.table === table && each.by.includes(column),
  )
}

function asKey({ key, name, noKey }: ValueType, window: Window | undefined): string {
  if (window && windowTypes.some((type) => type === name)) {
    return `declare the key's part as windowOf('${name}', '${lengthText(window)}')`
  }
  return key ? `declare the key's part as '${name}'` : `${name} is no type of keys, for ${noKey}`
}
