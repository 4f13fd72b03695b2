/** What aggregates have in common in which each row stands by itself, in an order. */
import type { TallyItem } from '../../mutation.ts'
import { nullable } from '../../types/arrays.ts'
import type { TypedColumn } from '../../types/declare.ts'
import type { ColumnType } from '../../types/types.ts'
import { knownType, typeOf } from '../../types/types.ts'
import type { JsonForm, JsonValue } from '../../types/value-type.ts'
import { textsOf } from '../item.ts'
import { itemColumns, type ItemForm, type Shows } from '../view.ts'
import {
  faultsOfDigits,
  faultsOfCamelCase,
  lackingOf,
  unknownFaults,
  type AggregateDeclaration,
  type RowsDeclaration,
  type Shown,
} from './aggregate.ts'
import { typedColumn, type Column } from './columns.ts'
import { faultsOfMost, listSchema } from './counted-items.ts'

/** What orders the rows of an entry, and which row is which. */
export type OrderDeclaration = RowsDeclaration & {
  /** The table's whole primary key: rows of the same order stand in its order. */
  readonly key: Column | readonly Column[]
  /** Decimal digits behind the point that a numeric order has at most: 2 of `numeric(10, 2)`. */
  readonly scale?: number
}

export type ListDeclaration<Fields extends Columns = Columns> = OrderDeclaration & {
  readonly order: TypedColumn
  /** How many rows readers get at most. */
  readonly most: number
  /** What readers see of a row: names with their columns. */
  readonly fields: Fields
}

type Columns = Readonly<Record<string, Column>>

export function listOf(
  table: string,
  declared: ListDeclaration,
  named: { readonly kind: string; readonly builder: string; readonly order: 'first' | 'last' },
): AggregateDeclaration<never> {
  const lacks = lackingOf(named.builder, declared, ['order', 'key', 'by'])
  if (lacks) return lacks
  const { most, scale = 0, by, where = [] } = declared
  const order = typedColumn(declared.order)
  const fields = Object.entries(declared.fields ?? {}).map(
    ([name, column]) => [name, typedColumn(column)] as const,
  )
  const item = rowItem({ order, scale, key: declared.key, fields: fields.map(([, each]) => each) })
  const parts = fields.map(([name, each]) => ({ name, at: placeOf(item, each) }))
  const shows: Shows = { scale, digits: scale, slice: { order: named.order, most }, parts }
  return {
    kind: named.kind,
    table,
    by,
    where,
    keeps: { counts: [], item },
    shows,
    faults: [
      ...unknownFaults(named.builder, declared, listProperties),
      ...faultsOfOrder(order, item),
      ...faultsOfMost(most),
      ...(fields.length > 0 ? [] : [`${named.builder} needs fields: { text: 'body' }`]),
      ...fields.flatMap(([name, { type }]) => [
        ...faultsOfCamelCase(name),
        ...(knownType(type) ? [] : [`there is no type '${type}' for ${name}`]),
      ]),
    ],
  }
}

const listProperties = ['order', 'key', 'most', 'fields', 'scale', 'by', 'where']

/** `[{ text, createdAt }]`, in the order of the slice. What is no item is left out. */
export function listJson({ aggregate, item }: Shown, items: readonly TallyItem[]): JsonValue {
  const columns = itemColumns(item!)
  const shown: JsonValue[] = []
  for (const each of items) {
    const texts = textsOf(item!, each.item)
    if (!texts) continue
    const json: Record<string, JsonValue> = {}
    for (const { name, at } of aggregate.parts!) {
      const text = texts[at] ?? null
      json[name] = text === null ? null : typeOf(columns[at]!.type).json.value(text)
    }
    shown.push(json)
  }
  return shown
}

export function schemaOfList({ aggregate, item }: Shown): JsonForm['schema'] {
  const columns = itemColumns(item!)
  const properties: Record<string, object> = {}
  for (const { name, at } of aggregate.parts!) {
    properties[name] = nullable(typeOf(columns[at]!.type).json.schema)
  }
  return listSchema(properties, aggregate.slice?.most)
}

export type ExtremeDeclaration<Type extends ColumnType = ColumnType> = OrderDeclaration & {
  /** `integer('price')`, `timestamptz('happened_at')`. */
  readonly of: TypedColumn<Type>
}

export function extremeOf(
  table: string,
  declared: ExtremeDeclaration,
  named: { readonly kind: string; readonly builder: string; readonly order: 'first' | 'last' },
): AggregateDeclaration<never> {
  const lacks = lackingOf(named.builder, declared, ['of', 'key', 'by'])
  if (lacks) return lacks
  const { scale = 0, by, where = [] } = declared
  const of = typedColumn(declared.of)
  const item = rowItem({ order: of, scale, key: declared.key, fields: [] })
  return {
    kind: named.kind,
    table,
    by,
    where,
    keeps: { counts: [], item },
    shows: { scale, digits: scale, slice: { order: named.order, most: 1 } },
    faults: [
      ...unknownFaults(named.builder, declared, ['of', 'key', 'scale', 'by', 'where']),
      ...faultsOfOrder(of, item),
    ],
  }
}

/** The value that the first item of the slice begins with; null where there is none. */
export function extremeJson({ item }: Shown, [first]: readonly TallyItem[]): JsonValue {
  const text = first && textsOf(item!, first.item)?.[0]
  return text === undefined || text === null ? null : typeOf(orderOf(item).type).json.value(text)
}

export function schemaOfExtreme({ item }: Shown): JsonForm['schema'] {
  return { ...nullable(typeOf(orderOf(item).type).json.schema) }
}

function orderOf(item: ItemForm | undefined): TypedColumn {
  return itemColumns(item!)[0]!
}

type RowItem = ItemForm & { readonly kind: 'row' }

type Parts = Pick<RowItem, 'order' | 'scale' | 'fields'> & Pick<OrderDeclaration, 'key'>

/** Fields that the order or the key tell already are not kept twice. */
function rowItem({ order, scale, key, fields }: Parts): RowItem {
  const keys = [key].flat().map(typedColumn)
  const bare: RowItem = { kind: 'row', order, scale, key: keys, fields: [] }
  const kept: TypedColumn[] = []
  for (const field of fields) {
    if (placeOf({ ...bare, fields: kept }, field) === -1) kept.push(field)
  }
  return { ...bare, fields: kept }
}

/** A numeric order is no field: its text has another number of digits than the column's. */
function placeOf(item: RowItem, { column, type }: TypedColumn): number {
  return itemColumns(item).findIndex(
    (each, at) => each.column === column && each.type === type && !(at === 0 && type === 'numeric'),
  )
}

function faultsOfOrder(order: TypedColumn, { scale, key }: RowItem): readonly string[] {
  const { column, type } = order
  const known = knownType(type)
  const ordered =
    'integers, numeric with a scale, uuid, date, time, timestamp and timestamptz can: ' +
    'add a column of one of these'
  return [
    ...(known ? [] : [`there is no type '${type}' for ${column}`]),
    ...(known && !known.order ? [`${column} of type ${type} can't order rows; ${ordered}`] : []),
    ...faultsOfDigits(order, [scale]),
    ...(scale > 0 && type !== 'numeric' && known?.order
      ? [`${column} of type ${type} has no scale`]
      : []),
    ...(key.length > 0 ? [] : [`key names no column: the table's whole primary key stands there`]),
    ...key.flatMap((each) => faultsOfKey(each)),
  ]
}

/** Equal keys must have equal texts. */
function faultsOfKey({ column, type }: TypedColumn): readonly string[] {
  const known = knownType(type)
  if (!known) return [`there is no type '${type}' for ${column}`]
  if (known.key || type === 'boolean' || (known.order && type !== 'numeric')) return []
  return [`${column} of type ${type} can't be part of a row's key: ${known.noKey}`]
}
