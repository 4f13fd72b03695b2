/** The tables of a view as a source would have them, and the changes that a log would tell. */
import { canonicalTable, parseTable } from '../table-name.ts'
import { didYouMean, nearest } from '../nearest.ts'
import { lsnFromInteger } from '../position.ts'
import type { Row, StreamedChange, Value } from '../change.ts'
import type { ColumnType } from '../types/types.ts'
import { replicaIdentityOf } from '../view/replica-identity.ts'
import { columnsOf, retractColumnsOf, tablesOf, type View } from '../view/view.ts'
import { canonicalValue, formOf, plainValue, said, type ColumnValue } from './values.ts'

/** Values by column. Columns that are left out are null, or stay as they are. */
export type RowValues = Readonly<Record<string, ColumnValue>>

export type TableOptions = {
  /**
   * Columns of the table's primary key. Of the table with the owning row it is known, and may be
   * left out.
   */
  readonly key?: string | readonly string[]
  /**
   * What the source writes of a row as it was before a change: all of it (`full`) or its primary
   * key (`default`). Left out, it is what the view needs, which is what `millrace plan` asks for.
   */
  readonly replicaIdentity?: 'default' | 'full'
}

export type TestTable = {
  /** As `canonicalTable` spells it. */
  readonly name: string
  readonly key: readonly string[]
  /** Of the columns that the view reads. */
  readonly types: Readonly<Record<string, ColumnType>>
  readonly retracts: readonly string[]
  readonly replicaIdentity: 'default' | 'full'
}

/** Throws an Error that names everything that is wrong with the options. */
export function tablesOfTest(
  view: View,
  options: Readonly<Record<string, TableOptions>>,
): ReadonlyMap<string, TestTable> {
  const names = tablesOf(view)
  const given = new Map(Object.entries(options).map(([name, each]) => [canonical(name), each]))
  const faults = [...given.keys()]
    .filter((name) => !names.includes(name))
    .map((name) => unknownTable(view, name))
  const tables = names.map((name): TestTable => {
    const { key: named, replicaIdentity } = given.get(name) ?? {}
    const own = name === view.row.table ? view.row.key : undefined
    const key = named === undefined ? (own ?? []) : [named].flat()
    if (key.length === 0) {
      faults.push(
        `the primary key of ${name} has to be told, as in { tables: { '${name}': { key: 'id' } } }`,
      )
    }
    if (own && key.toSorted().join() !== own.toSorted().join()) {
      faults.push(
        `the key of the view's row, ${own.join(', ')}, has to be the primary key of ${name}`,
      )
    }
    faults.push(...listFaults(view, name, key))
    return {
      name,
      key,
      types: columnsOf(view, name),
      retracts: retractColumnsOf(view, name),
      replicaIdentity: replicaIdentity ?? replicaIdentityOf(view, name, key),
    }
  })
  if (faults.length > 0) throw new Error(`viewTest of ${view.name}: ${faults.join('; ')}`)
  return new Map(tables.map((table) => [table.name, table]))
}

/** Lists tell their rows apart by a primary key that is not the table's. */
function listFaults({ tallies }: View, table: string, key: readonly string[]): readonly string[] {
  return tallies.flatMap(({ name, table: of, item }) => {
    if (of !== table || item.kind !== 'row' || key.length === 0) return []
    const columns = item.key.map(({ column }) => column)
    if (columns.toSorted().join() === key.toSorted().join()) return []
    return [`the key of ${name}, ${columns.join(', ')}, has to be the primary key of ${table}`]
  })
}

/** The rows that there are, and the changes that told of them. */
export class TestRows {
  readonly #view: View
  readonly #tables: ReadonlyMap<string, TestTable>
  readonly #rows: ReadonlyMap<string, Map<string, Row>>
  /** What takes back the changes of a transaction, the last one first. */
  #undo: (() => void)[] = []
  #lsn = 0n

  constructor(view: View, tables: ReadonlyMap<string, TestTable>) {
    this.#view = view
    this.#tables = tables
    this.#rows = new Map([...tables.keys()].map((name) => [name, new Map<string, Row>()]))
  }

  /** Rows with the columns that are known of them. */
  of(table: string): readonly Row[] {
    return [...this.#rowsOf(this.table(table)).values()]
  }

  table(name: string): TestTable {
    const found = this.#tables.get(canonical(name))
    if (!found) throw new Error(unknownTable(this.#view, name))
    return found
  }

  /** Answers what puts the rows back as they are now, unless `keep` was called meanwhile. */
  remember(): () => void {
    const { length } = this.#undo
    return () => {
      while (this.#undo.length > length) this.#undo.pop()!()
    }
  }

  /** The transaction has ended. */
  keep(): void {
    this.#undo = []
  }

  insert(name: string, values: RowValues): readonly StreamedChange[] {
    const table = this.table(name)
    const row = { ...nulls(table), ...parsed(table, values) }
    const place = placeOf(table, row)
    this.#refuseTaken(table, place)
    this.#set(table, place, row)
    return [this.#inserted(table, row)]
  }

  update(name: string, key: RowValues, values: RowValues): readonly StreamedChange[] {
    const table = this.table(name)
    const [place, before] = this.#found(table, key)
    const after = { ...before, ...parsed(table, values) }
    const next = placeOf(table, after)
    if (next !== place) {
      this.#refuseTaken(table, next)
      this.#set(table, place, undefined)
    }
    this.#set(table, next, after)
    // The connector tells a changed primary key as a row that goes and another that comes.
    if (next !== place) return [this.#deleted(table, before), this.#inserted(table, after)]
    return [
      {
        kind: 'update',
        ...this.#common(table, after),
        before: table.replicaIdentity === 'full' ? pick(before, table.retracts) : undefined,
        after: pick(after, Object.keys(table.types)),
      },
    ]
  }

  delete(name: string, key: RowValues): readonly StreamedChange[] {
    const table = this.table(name)
    const [place, before] = this.#found(table, key)
    this.#set(table, place, undefined)
    return [this.#deleted(table, before)]
  }

  #rowsOf(table: TestTable): Map<string, Row> {
    return this.#rows.get(table.name)!
  }

  #set(table: TestTable, place: string, row: Row | undefined): void {
    const rows = this.#rowsOf(table)
    const before = rows.get(place)
    const put = (value: Row | undefined) =>
      value ? void rows.set(place, value) : void rows.delete(place)
    this.#undo.push(() => put(before))
    put(row)
  }

  #refuseTaken(table: TestTable, place: string): void {
    if (this.#rowsOf(table).has(place)) throw new Error(`${table.name} has a row ${place} already`)
  }

  #found(table: TestTable, key: RowValues): readonly [string, Row] {
    const row = parsed(table, key)
    const place = placeOf(table, row)
    const others = Object.keys(row).filter((column) => !table.key.includes(column))
    if (others.length > 0) {
      throw new Error(
        `a row of ${table.name} is named by its primary key (${table.key.join(', ')}), ` +
          `without ${others.join(', ')}`,
      )
    }
    const found = this.#rowsOf(table).get(place)
    if (!found) throw new Error(`${table.name} has no row ${place}`)
    return [place, found]
  }

  #inserted(table: TestTable, row: Row): StreamedChange {
    return {
      kind: 'insert',
      ...this.#common(table, row),
      after: pick(row, Object.keys(table.types)),
    }
  }

  /** Of the earlier row, the log has what the replica identity gives. */
  #deleted(table: TestTable, row: Row): StreamedChange {
    const { replicaIdentity, retracts, key } = table
    const given = replicaIdentity === 'full' || retracts.every((column) => key.includes(column))
    const before = given ? pick(row, retracts) : undefined
    return { kind: 'delete', ...this.#common(table, row), before }
  }

  #common(table: TestTable, row: Row) {
    this.#lsn += 1n
    const lsn = lsnFromInteger(this.#lsn)
    return { table: table.name, key: pick(row, table.key), lsn, transaction: 1 }
  }
}

function pick(row: Row, columns: readonly string[]): Row {
  return Object.fromEntries(columns.map((column) => [column, row[column]!]))
}

function nulls({ key, types }: TestTable): Row {
  return Object.fromEntries([...key, ...Object.keys(types)].map((column) => [column, null]))
}

/** Throws for a column that is not known, and for a value that is none of its type. */
function parsed(table: TestTable, values: RowValues): Row {
  const row: Record<string, Value> = {}
  for (const [column, value] of Object.entries(values)) {
    const type = table.types[column]
    if (type === undefined && !table.key.includes(column)) throw unknownColumn(table, column)
    if (value === undefined) continue
    const known = type === undefined ? plainValue(value) : canonicalValue(type, value)
    if (known === undefined) {
      const form = type === undefined ? 'an integer or text' : `${type}: ${formOf(type)}`
      throw new Error(`${table.name}.${column} is ${form}; not ${said(value)}`)
    }
    row[column] = known
  }
  return row
}

/** The primary key, which tells a row from the others of its table. */
function placeOf({ name, key }: TestTable, row: Row): string {
  const parts = key.map((column) => {
    const value = row[column] ?? null
    if (value === null) {
      throw new Error(`a row of ${name} needs ${column}, a part of its primary key`)
    }
    return `${column} ${JSON.stringify(String(value))}`
  })
  return parts.join(', ')
}

function unknownTable(view: View, name: string): string {
  const known = tablesOf(view)
  return (
    `view ${view.name} does not read a table ${name}${didYouMean(nearest(name, known))} ` +
    `(it reads ${known.join(', ')})`
  )
}

function unknownColumn({ name, key, types }: TestTable, column: string): Error {
  const known = [...new Set([...key, ...Object.keys(types)])]
  return new Error(
    `the view does not read ${name}.${column}${didYouMean(nearest(column, known))} ` +
      `(of ${name} it reads ${known.join(', ')}); leave out what it does not read`,
  )
}

function canonical(name: string): string {
  return parseTable(name) ? canonicalTable(name) : name
}
