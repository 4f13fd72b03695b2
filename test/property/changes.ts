/** Changes of a plan's rows, as SQL, and what kinds of changes were really committed. */
import { identifier, tableName } from '../../src/view/sql-text.ts'
import { canonicalTable } from '../../src/table-name.ts'
import { nameOf, pick, type Column, type Numbers, type Plan, type Table } from './plan.ts'
import type { Tally } from './tally.ts'

type Cell = readonly [sql: string, text: string] | null
type Cells = Readonly<Record<string, Cell>>
type Rows = Map<string, Cells>
type Raw = Numbers['transactions'][number]['changes'][number]

type Statement = { readonly sql: string; readonly kinds: readonly string[] }

/** Statements of a transaction, from its begin to its end. */
export type Transaction = readonly string[]

/** What changes can be. */
export const changeKinds = [
  'insert',
  'update',
  'update of a primary key',
  'update that changes nothing',
  'update of many rows',
  'delete',
  'delete of many rows',
  'insert into no group',
  'move between groups',
  'group that becomes null',
  'group that was null',
  'rolled back',
  'savepoint rolled back',
]

/** Only what is committed is counted in `tally`. */
export function transactionsOf(plan: Plan, given: Numbers, tally: Tally): readonly Transaction[] {
  const state = new Map<Table, Rows>(plan.tables.map((table) => [table, new Map<string, Cells>()]))
  return given.transactions.map(({ changes, end, savepoint }) => {
    const before = copyOf(state)
    const isRolledBack = end === 9
    const from = savepoint % 5 === 4 ? savepoint % changes.length : changes.length
    const first = changes.slice(0, from).flatMap((raw) => statementOf(plan, state, raw) ?? [])
    const middle = copyOf(state)
    const lost = changes.slice(from).flatMap((raw) => statementOf(plan, state, raw) ?? [])
    if (isRolledBack) restore(state, before)
    else restore(state, middle)
    const again = changes.slice(0, from === changes.length ? 0 : 2)
    const last = isRolledBack ? [] : again.flatMap((raw) => statementOf(plan, state, raw) ?? [])
    const kept = isRolledBack ? [] : [...first, ...last]
    for (const { kinds } of kept) for (const kind of kinds) tally.add(kind)
    if (isRolledBack && first.length > 0) tally.add('rolled back')
    if (!isRolledBack && lost.length > 0) tally.add('savepoint rolled back')
    const sql = (statements: readonly Statement[]) => statements.map((each) => each.sql)
    return [
      'begin',
      ...sql(first),
      ...(lost.length > 0 ? ['savepoint s', ...sql(lost), 'rollback to savepoint s'] : []),
      ...sql(last),
      isRolledBack ? 'rollback' : 'commit',
    ]
  })
}

type State = Map<Table, Rows>

function copyOf(state: State): State {
  return new Map([...state].map(([table, rows]) => [table, new Map(rows)]))
}

function restore(state: State, to: State): void {
  for (const [table, rows] of to) state.set(table, new Map(rows))
}

/** Undefined where there is nothing to change. */
function statementOf({ tables }: Plan, state: State, raw: Raw): Statement | undefined {
  const table = pick(tables, raw.table)
  const rows = state.get(table)!
  const present = [...rows.keys()]
  if (raw.kind < 55 || present.length === 0) {
    const drawn = cellsOf(table, raw)
    // By chance alone, few rows would give to one item of one entry.
    const like = raw.kind < 25 ? rows.get(pick(present, raw.row)) : undefined
    const last = table.key.at(-1)!
    const cells = like ? { ...like, [last]: drawn[last]! } : drawn
    const taken = rows.get(placeOf(table, cells))
    return taken ? update(table, rows, [taken, cells]) : insert(table, rows, cells)
  }
  const row = rows.get(pick(present, raw.row))!
  if (raw.kind < 76) return update(table, rows, [row, { ...row, ...someOf(table, raw, 'others') }])
  if (raw.kind < 82) {
    const moved = { ...row, ...someOf(table, raw, 'key') }
    const place = placeOf(table, moved)
    if (place !== placeOf(table, row) && rows.has(place)) return remove(table, rows, row)
    return update(table, rows, [row, moved])
  }
  if (raw.kind < 91) return remove(table, rows, row)
  return raw.kind < 97 ? updateAll(table, rows, raw) : removeMany(table, rows, row)
}

function insert(table: Table, rows: Rows, cells: Cells): Statement {
  rows.set(placeOf(table, cells), cells)
  const names = table.columns.map(({ name }) => identifier(name)).join(', ')
  const values = table.columns.map((column) => cellSql(column, cells)).join(', ')
  return {
    sql: `insert into ${sqlName(table)} (${names}) values (${values})`,
    kinds: ['insert', ...groupKinds(table, null, cells)],
  }
}

function update(table: Table, rows: Rows, [from, to]: readonly [Cells, Cells]): Statement {
  const [before, after] = [placeOf(table, from), placeOf(table, to)]
  const changed = table.columns.filter(({ name }) => from[name] !== to[name])
  // One column is always set, so that there also are updates that change nothing.
  const set = (changed.length > 0 ? changed : table.columns.slice(0, 1)).map(
    (column) => `${identifier(column.name)} = ${cellSql(column, to)}`,
  )
  rows.delete(before)
  rows.set(after, to)
  return {
    sql: `update ${sqlName(table)} set ${set.join(', ')} where ${whereRow(table, from)}`,
    kinds: [
      before === after ? 'update' : 'update of a primary key',
      ...(changed.length === 0 ? ['update that changes nothing'] : []),
      ...groupKinds(table, from, to),
    ],
  }
}

function remove(table: Table, rows: Rows, row: Cells): Statement {
  rows.delete(placeOf(table, row))
  return {
    sql: `delete from ${sqlName(table)} where ${whereRow(table, row)}`,
    kinds: ['delete', ...groupKinds(table, row, null)],
  }
}

/** Sets one column of all rows. */
function updateAll(table: Table, rows: Rows, raw: Raw): Statement | undefined {
  const others = table.columns.filter(({ name }) => !table.key.includes(name))
  const column = pick(others, raw.row)
  const cell = cellOf(column, raw.cells[0]!)
  const kinds = [...rows.values()].flatMap((row) =>
    groupKinds(table, row, { ...row, [column.name]: cell }),
  )
  for (const [place, row] of rows) rows.set(place, { ...row, [column.name]: cell })
  const set = `${identifier(column.name)} = ${cellSql(column, { [column.name]: cell })}`
  return {
    sql: `update ${sqlName(table)} set ${set}`,
    kinds: rows.size > 1 ? ['update of many rows', ...kinds] : kinds,
  }
}

/** Those that have the first part of the primary key in common. */
function removeMany(table: Table, rows: Rows, row: Cells): Statement {
  const first = table.columns.find(({ name }) => name === table.key[0])!
  const gone = [...rows].filter(([, each]) => each[first.name]![1] === row[first.name]![1])
  for (const [place] of gone) rows.delete(place)
  return {
    sql: `delete from ${sqlName(table)} where ${identifier(first.name)} = ${cellSql(first, row)}`,
    kinds: [
      gone.length > 1 ? 'delete of many rows' : 'delete',
      ...gone.flatMap(([, each]) => groupKinds(table, each, null)),
    ],
  }
}

function groupKinds(table: Table, from: Cells | null, to: Cells | null): string[] {
  const kinds = table.groups.map((name) => {
    const [before, after] = [from?.[name]?.[1], to?.[name]?.[1]]
    if (before === after) return from === null ? 'insert into no group' : []
    if (before === undefined) return from === null ? [] : 'group that was null'
    if (after === undefined) return to === null ? [] : 'group that becomes null'
    return 'move between groups'
  })
  return [...new Set(kinds.flat())]
}

function cellsOf(table: Table, { cells }: Raw): Cells {
  return Object.fromEntries(
    table.columns.map((column, at) => [column.name, cellOf(column, pick(cells, at) + at)]),
  )
}

/** New values of some columns, of the primary key or of the others. */
function someOf(table: Table, { cells }: Raw, which: 'key' | 'others'): Cells {
  const columns = table.columns.filter(({ name }) => table.key.includes(name) === (which === 'key'))
  return Object.fromEntries(
    columns.flatMap((column, at) =>
      (pick(cells, at) >> 8) % 2 === 0 ? [[column.name, cellOf(column, pick(cells, at))]] : [],
    ),
  )
}

/** Mostly one of two values where rows belong to entries by it, so that they meet. */
function cellOf({ form, nullable, name, isGroup }: Column, number: number): Cell {
  // A witness has a value always.
  if (nullable && form.values.length > 1 && number % 5 === 0) return null
  const at = Math.floor(number / 5)
  if (isGroup) return pick(form.values, at % 4 === 0 ? at >> 2 : at % 2)
  return pick(form.values, at + name.length)
}

function cellSql({ name, form }: Column, cells: Cells): string {
  const cell = cells[name]!
  return cell === null ? 'null' : `(${cell[0]})::${form.column}`
}

function whereRow(table: Table, row: Cells): string {
  return table.key
    .map((name) => table.columns.find((column) => column.name === name)!)
    .map((column) => `${identifier(column.name)} = ${cellSql(column, row)}`)
    .join(' and ')
}

function placeOf({ key }: Table, cells: Cells): string {
  return JSON.stringify(key.map((name) => cells[name]![1]))
}

export function sqlName(table: Table): string {
  return tableName(canonicalTable(nameOf(table)))
}
