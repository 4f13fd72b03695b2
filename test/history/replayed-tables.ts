import {
  contributions,
  fieldNames,
  isTable,
  primaryKeys,
  tableNames,
  type ComponentChange,
  type RowState,
  type TableName,
} from './components.ts'
import type { LogMessage, Tuple } from './pgoutput.ts'

export type Row = Readonly<Record<string, string | null>>

type Relation = { readonly table: TableName; readonly columns: readonly string[] }

/** Prefix of messages that tell what a rewritten table holds, for no log tells its rows. */
export const rewritePrefix = 'history-rewrite'

/** The source's tables, replayed from its log: what every committed record changes in entries. */
export class ReplayedTables {
  readonly #rows: Readonly<Record<TableName, Map<string, Row>>> = {
    users: new Map(),
    tweets: new Map(),
    follows: new Map(),
    likes: new Map(),
  }
  readonly #relations = new Map<number, Relation>()

  /** The rows that were there before the log was read. */
  load(table: TableName, rows: readonly Row[]): ComponentChange[] {
    return rows.flatMap((row) => this.#put(table, row))
  }

  /** What a message of a committed transaction changes, in its order. */
  apply(message: LogMessage): ComponentChange[] {
    switch (message.kind) {
      case 'relation':
        if (isTable(message.table)) this.#relations.set(message.id, message as Relation)
        return []
      case 'insert': {
        const { table, columns } = this.#relation(message.relation)
        return this.#put(table, rowOf(columns, message.row, undefined))
      }
      case 'update':
        return this.#update(message)
      case 'delete': {
        const { table, columns } = this.#relation(message.relation)
        return this.#remove(table, keyOf(table, rowOf(columns, message.before, undefined)))
      }
      case 'truncate':
        return message.relations.flatMap((id) => {
          const { table } = this.#relation(id)
          return [...this.#rows[table].keys()].flatMap((key) => this.#remove(table, key))
        })
      case 'message':
        return message.prefix === rewritePrefix ? this.#rewritten(message.content) : []
      case 'begin':
      case 'commit':
      case 'other':
        return []
      default:
        throw new Error(`unreachable: ${String(message satisfies never)}`)
    }
  }

  /** Rows by primary key. */
  rows(table: TableName): ReadonlyMap<string, Row> {
    return this.#rows[table]
  }

  count(): number {
    return tableNames.reduce((sum, table) => sum + this.#rows[table].size, 0)
  }

  #update(message: Extract<LogMessage, { kind: 'update' }>): ComponentChange[] {
    const { table, columns } = this.#relation(message.relation)
    const key = message.before
      ? keyOf(table, rowOf(columns, message.before, undefined))
      : keyOf(table, rowOf(columns, message.row, undefined))
    const before = this.#rows[table].get(key)
    const row = rowOf(columns, message.row, before)
    // A counted row stays the same row for its counter unless the user or the key is another one.
    if (table !== 'users' && before && sameContribution(table, before, row, key)) {
      this.#rows[table].set(key, row)
      return []
    }
    // The log of a moved row has a delete and an insert, and so has that of a changed user.
    const moved = keyOf(table, row) !== key
    const removed = moved || table !== 'users' ? this.#remove(table, key) : []
    return [...removed, ...this.#put(table, row)]
  }

  #put(table: TableName, row: Row): ComponentChange[] {
    const key = keyOf(table, row)
    this.#rows[table].set(key, row)
    if (table === 'users') return [{ kind: 'row', user: key, state: stateOf(row) }]
    return counted(table, row, 1)
  }

  #remove(table: TableName, key: string): ComponentChange[] {
    const row = this.#rows[table].get(key)
    this.#rows[table].delete(key)
    if (!row) throw new Error(`the log removes ${table} ${key}, which is not there`)
    if (table === 'users') return [{ kind: 'row', user: key, state: null }]
    return counted(table, row, -1)
  }

  #rewritten(content: string): ComponentChange[] {
    const { column, values } = JSON.parse(content) as {
      readonly column: string
      readonly values: Readonly<Record<string, string | null>> | null
    }
    return Object.entries(values ?? {}).flatMap(([key, value]) => {
      const before = this.#rows.users.get(key)
      return before ? this.#put('users', { ...before, [column]: value }) : []
    })
  }

  #relation(id: number): Relation {
    const relation = this.#relations.get(id)
    if (!relation) throw new Error(`the log has not told of relation ${id}`)
    return relation
  }
}

function counted(
  table: Exclude<TableName, 'users'>,
  row: Row,
  amount: 1 | -1,
): Extract<ComponentChange, { kind: 'count' }>[] {
  return contributions[table].map(([column, count]) => ({
    kind: 'count',
    user: row[column]!,
    count,
    row: keyOf(table, row),
    amount,
  }))
}

function sameContribution(
  table: Exclude<TableName, 'users'>,
  before: Row,
  after: Row,
  key: string,
): boolean {
  const users = contributions[table].every(([column]) => before[column] === after[column])
  return users && keyOf(table, after) === key
}

function rowOf(columns: readonly string[], tuple: Tuple, before: Row | undefined): Row {
  return Object.fromEntries(
    columns.map((name, index) => {
      const value = tuple[index]
      return [name, value === undefined ? (before?.[name] ?? null) : value]
    }),
  )
}

function keyOf(table: TableName, row: Row): string {
  return primaryKeys[table].map((column) => row[column]).join('/')
}

function stateOf(row: Row): RowState {
  return fieldNames.map(([column]) => {
    const value = row[column] ?? null
    return column === 'joined_date' && value !== null ? isoOf(value) : value
  })
}

/** `2020-01-01 00:00:00.5+00` of a session in UTC, to the microsecond. */
export function isoOf(text: string): string {
  const [, day, time, fraction = ''] =
    /^(\d+-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.(\d+))?(?:\+00|Z)$/.exec(text) ?? []
  if (day === undefined) throw new Error(`'${text}' is no time of UTC`)
  return `${day}T${time}.${fraction.padEnd(6, '0')}Z`
}
