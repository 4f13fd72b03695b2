import type { ColumnType } from '../change.ts'
import type { View } from './view.ts'
import type { Entry } from '../mutation.ts'
import { sqlTimestamptz } from '../timestamptz.ts'

/** The question whose answer a view must equal, in the words of the source database. */
export type TruthQuery = {
  /** Every entry in ascending order of its key; meant for a cursor. */
  readonly all: string
  /** The entries of the keys in `$1`, an array of the key's type; those that exist, by key. */
  readonly byKeys: string
  /** One row of either answer as the entry that readers must meet. */
  readonly toEntry: (row: Readonly<Record<string, unknown>>) => Entry
}

/**
 * Each row holds text alone: the entry's key and fields under their names in the view, each field
 * in the canonical form of its type, and each count as decimal text. Rows that count for an entry
 * without an owning row are not shown, as readers don't meet it either.
 */
export function truthQuery(view: View, schema = 'public'): TruthQuery {
  return {
    all: `${select(view, schema, '')}\norder by "row".${quote(view.row.key)}${collation(view)}`,
    byKeys: `${select(view, schema, sqlArray(view))}\norder by "row".${quote(view.row.key)}${collation(view)}`,
    toEntry: (row) => ({
      key: String(row[view.key.name]),
      fields: Object.fromEntries(
        view.row.fields.map(({ name }) => [name, (row[name] ?? null) as string | null]),
      ),
      counts: Object.fromEntries(
        view.counts.map(({ name }) => [name, BigInt(row[name] as string)]),
      ),
    }),
  }
}

function select(view: View, schema: string, keys: string): string {
  const only = (column: string) => (keys ? ` where ${column} = any(${keys})` : '')
  const columns = [
    `"row".${quote(view.row.key)}::text as ${quote(view.key.name)}`,
    ...view.row.fields.map(
      ({ name, column, type }) => `${sqlText(column, type)} as ${quote(name)}`,
    ),
    ...view.counts.map(({ name }, i) => `coalesce(c${i}.amount, 0)::text as ${quote(name)}`),
  ]
  // Counts are grouped before they are joined: one pass over each table, whatever its size.
  const joins = view.counts.map(({ table, by }, i) => {
    const group = quote(by)
    const grouped = `select ${group} as entry, count(*) as amount from ${quote(schema)}.${quote(table)}${only(group)} group by ${group}`
    return `left join (${grouped}) c${i} on c${i}.entry = "row".${quote(view.row.key)}`
  })
  return [
    `select ${columns.join(',\n  ')}`,
    `from ${quote(schema)}.${quote(view.row.table)} "row"`,
    ...joins,
    ...(keys ? [`where "row".${quote(view.row.key)} = any(${keys})`] : []),
  ].join('\n')
}

function sqlText(column: string, type: ColumnType): string {
  const name = `"row".${quote(column)}`
  return type === 'timestamptz' ? sqlTimestamptz(name) : `${name}::text`
}

function sqlArray(view: View): string {
  return view.key.type === 'bigint' ? '$1::bigint[]' : '$1::text[]'
}

/** Text keys come in the order of their bytes, which is the same everywhere. */
function collation(view: View): string {
  return view.key.type === 'text' ? ' collate "C"' : ''
}

function quote(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`
}
