/** Indexes of the columns that rows are counted by: without one, every look reads the whole table. */
import type { SetupFacts, TableFacts } from '../source/setup-facts.ts'
import { keyFormOf } from '../types/windows.ts'
import { identifier, tableName } from '../view/sql-text.ts'
import { inOrder, walked } from '../view/truth-keys.ts'
import { rowGroupsOf, type View } from '../view/view.ts'
import type { SourceStep } from './owner-session.ts'

export function indexWorks(facts: SetupFacts, views: readonly View[]): readonly SourceStep[] {
  // Several counts and tallies, of one view or of more, may need the same index.
  const works = new Map<string, SourceStep>()
  for (const view of views) {
    for (const { table, by } of rowGroupsOf(view)) {
      const found = facts.tables[table]
      // Another fault says that it is not there.
      if (!found || by.some((column) => !found.columns[column])) continue
      const columns = indexed(view, by)
      const name = JSON.stringify([table, columns.toSorted()])
      const range = windowColumn(view, by)
      if (columns.length === 0 || works.has(name) || isIndexed(found, columns, range)) continue
      works.set(name, {
        what: `create an index of ${table} (${columns.join(', ')}), while it is read and written`,
        statements: indexStatements(table, found, columns.map(identifier)),
      })
    }
  }
  return [...works.values()]
}

/** Those of the columns that an index serves, in the order in which keys are compared. */
function indexed(view: View, columns: readonly string[]): readonly string[] {
  const served = new Set(
    columns.filter((_, at) => {
      const part = view.key[at]!
      return part.window !== undefined || keyFormOf(part).isIndexed
    }),
  )
  return inOrder(view, columns).filter((column) => served.has(column))
}

/** The column of which windows are made, where the key has one. */
function windowColumn(view: View, columns: readonly string[]): string | undefined {
  return columns.find((_, at) => view.key[at]!.window)
}

/**
 * Whether one of its indexes begins with these columns, in whatever order; with `range` as the last.
 * One of another collation than the column has serves an order, and no comparison with a value.
 */
function isIndexed(
  { indexes, columns: known }: TableFacts,
  columns: readonly string[],
  range: string | undefined,
): boolean {
  return indexes.some((index) => {
    const first = index.columns.slice(0, columns.length)
    const isRange = range === undefined || first.at(-1) === range
    const serves = (column: string) => {
      const collation = known[column]?.collation ?? null
      const at = first.indexOf(column)
      return at >= 0 && (collation === null || index.collations[at] === collation)
    }
    return isRange && columns.every(serves)
  })
}

/** That of a partitioned table takes over those that its partitions have by then. */
function indexStatements(table: string, { kind, parts }: TableFacts, columns: readonly string[]) {
  const of = `(${columns.join(', ')});`
  if (kind !== 'p') return [{ shown: `create index concurrently on ${tableName(table)} ${of}` }]
  return [
    ...parts.map(({ name }) => ({ shown: `create index concurrently on ${name} ${of}` })),
    { shown: `create index on ${tableName(table)} ${of}` },
  ]
}

/** One that was broken off stays, is kept up by every write, and serves nobody. */
export function unfinishedNotes({ tables }: SetupFacts): readonly string[] {
  return Object.entries(tables).flatMap(([table, { unfinished }]) =>
    unfinished.map(
      (name) =>
        `${table}: index ${name} is not finished; if nobody builds it now: drop index concurrently ${name};`,
    ),
  )
}

/** Keys of text are compared by their bytes, for which an index of the database's order is of no use. */
export function rangeNotes(facts: SetupFacts, views: readonly View[]): readonly string[] {
  const sides = views.flatMap((view) => [
    ...(view.row ? [{ view, table: view.row.table, columns: view.row.key }] : []),
    ...rowGroupsOf(view).map(({ table, by }) => ({ view, table, columns: by })),
  ])
  return sides.flatMap(({ view, table, columns }) => {
    const found = facts.tables[table]
    const isText = view.key.some(({ type }) => type === 'text')
    if (!found || !isText || columns.some((column) => !found.columns[column])) return []
    const names = indexed(view, columns)
    const isOrdered = (column: string) => view.key[columns.indexOf(column)]!.type === 'text'
    const serves = found.indexes.some((index) =>
      names.every(
        (column, at) =>
          index.columns[at] === column &&
          (!isOrdered(column) || ['C', 'POSIX', 'ucs_basic'].includes(index.collations[at] ?? '')),
      ),
    )
    if (serves) return []
    const spelled = inOrder(view, walked(view, columns.map(identifier))).slice(0, names.length)
    return [
      `${table}: view ${view.name} goes through it in the order of bytes; where it is large, that ` +
        `wants: create index concurrently on ${tableName(table)} (${spelled.join(', ')});`,
    ]
  })
}
