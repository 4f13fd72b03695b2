/** What a plan's views say of rows: an aggregate of any kind, over columns of its own. */
import {
  averageOf,
  countOf,
  countsOf,
  earliestOf,
  latestOf,
  maxOf,
  minOf,
  sumOf,
  topOf,
  type AggregateDeclaration,
} from '../../src/index.ts'
import { unreachable } from '../../src/errors.ts'
import type { ColumnType } from '../../src/types/types.ts'
import type { Condition } from '../../src/view/condition.ts'
import { fieldForm, fieldTypes, keyForms, type Form } from './forms.ts'

export const aggregateKinds = [
  'count',
  'top',
  'latest',
  'sum',
  'counts',
  'earliest',
  'average',
  'min',
  'max',
] as const
export type AggregateKind = (typeof aggregateKinds)[number]

const orderTypes: readonly ColumnType[] = [
  'smallint',
  'integer',
  'bigint',
  'date',
  'time',
  'timestamp',
  'timestamptz',
  'uuid',
]

/** Forms of the columns that it is made of. */
export function aggregateForms(kind: AggregateKind, which: number): readonly Form[] {
  const order = fieldForm(orderTypes[which % orderTypes.length]!, which)
  const item = (at: number) => keyForms[(which + at) % keyForms.length]!
  switch (kind) {
    case 'count':
      return []
    case 'sum':
    case 'average':
      // The largest ones add up to what 64 bits hold.
      return [fieldForm('smallint', which)]
    case 'top':
    case 'counts':
      return which % 2 === 0 ? [item(0)] : [item(0), item(3)]
    case 'latest':
    case 'earliest':
      return [order, fieldForm(fieldTypes[(which >> 3) % fieldTypes.length]!, which)]
    case 'min':
    case 'max':
      return [order]
    default:
      return unreachable(kind)
  }
}

type Column = { readonly column: string; readonly type: ColumnType }

export type Parts = {
  readonly kind: AggregateKind
  readonly table: string
  readonly by: readonly string[]
  /** As `aggregateForms` has them. */
  readonly columns: readonly Column[]
  /** The table's primary key. */
  readonly key: readonly Column[]
  readonly where: readonly Condition[]
}

export function aggregateOf({ kind, table, by, columns, key, where }: Parts): AggregateDeclaration {
  const [first, second] = columns as [Column, Column]
  const item = second ? { one: first, other: second } : first
  const rows = { by, where }
  const list = () => ({ ...rows, key, order: first, most: 2, fields: { shown: second, at: first } })
  switch (kind) {
    case 'count':
      return countOf(table, rows)
    case 'sum':
      return sumOf(table, { ...rows, of: first })
    case 'average':
      return averageOf(table, { ...rows, of: first, digits: 1 })
    case 'top':
      return topOf(table, { ...rows, item, most: 3 })
    case 'counts':
      return countsOf(table, { ...rows, item })
    case 'latest':
      return latestOf(table, list())
    case 'earliest':
      return earliestOf(table, list())
    case 'min':
      return minOf(table, { ...rows, key, of: first })
    case 'max':
      return maxOf(table, { ...rows, key, of: first })
    default:
      return unreachable(kind)
  }
}
