/** What `topOf` and `countsOf` have in common: items of a few columns, with how many rows each has. */
import type { TallyItem } from '../../mutation.ts'
import type { TypedColumn } from '../../types/declare.ts'
import { knownType, typeOf } from '../../types/types.ts'
import type { JsonForm, JsonValue } from '../../types/value-type.ts'
import { textsOf } from '../item.ts'
import type { ItemForm, ItemPart } from '../view.ts'
import { typedColumn, type Column } from './columns.ts'
import type { Shown } from './aggregate.ts'

/** A column, which readers see as `item`, or several under these names. */
export type Item = Column | Readonly<Record<string, Column>>

type Read = {
  readonly item: ItemForm
  readonly parts: readonly ItemPart[]
  readonly faults: readonly string[]
}

export function readItem(given: Item): Read {
  const named = isColumn(given) ? { item: given } : given
  const columns = Object.entries(named ?? {}).map(
    ([name, each]) => [name, typedColumn(each)] as const,
  )
  const faults = [
    ...(columns.length > 0 ? [] : [`an item needs a column: item: bigint('artist_id')`]),
    ...columns.flatMap(([name, column]) => [
      ...(/^[a-z][a-zA-Z0-9]{0,62}$/.test(name) ? [] : [`'${name}' is not a camelCase name`]),
      ...(name === 'count' ? [`an item's column can't be called count: its rows are`] : []),
      ...faultsOfItem(column),
    ]),
  ]
  return {
    item: { kind: 'values', columns: columns.map(([, column]) => column) },
    parts: columns.map(([name], at) => ({ name, at })),
    faults,
  }
}

function faultsOfItem({ column, type }: TypedColumn): readonly string[] {
  const known = knownType(type)
  if (!known) return [`there is no type '${type}' for ${column}`]
  if (known.key || type === 'boolean') return []
  return [`${column} of type ${type} can't be an item: ${known.noKey}`]
}

function isColumn(given: Item): given is Column {
  if (typeof given === 'string') return true
  const { column, type } = given as Partial<TypedColumn>
  return typeof column === 'string' && typeof type === 'string'
}

/** `[{ artistId, count }]`, in the order of the slice. What is no item is left out. */
export function countedJson({ aggregate, item }: Shown, items: readonly TallyItem[]): JsonValue {
  const { columns } = item as ItemForm & { kind: 'values' }
  const shown: JsonValue[] = []
  for (const each of items) {
    const texts = textsOf(item!, each.item)
    if (!texts) continue
    const json: Record<string, JsonValue> = {}
    for (const { name, at } of aggregate.parts!) {
      json[name] = typeOf(columns[at]!.type).json.value(texts[at]!)
    }
    shown.push({ ...json, count: Number(each.amount) })
  }
  return shown
}

export function countedSchema({ aggregate, item }: Shown): JsonForm['schema'] {
  const { columns } = item as ItemForm & { kind: 'values' }
  const properties: Record<string, object> = {}
  for (const { name, at } of aggregate.parts!) {
    properties[name] = typeOf(columns[at]!.type).json.schema
  }
  return listSchema(
    { ...properties, count: { type: 'integer', minimum: 1 } },
    aggregate.slice?.most,
  )
}

/** Of a list of objects that have all of these. */
export function listSchema(
  properties: Readonly<Record<string, object>>,
  most: number | undefined,
): JsonForm['schema'] {
  return {
    type: 'array',
    ...(most === undefined ? {} : { maxItems: most }),
    items: {
      type: 'object',
      required: Object.keys(properties),
      additionalProperties: false,
      properties,
    },
  }
}

/** How many a reader gets at most. */
export function faultsOfMost(most: number): readonly string[] {
  const fits = Number.isInteger(most) && most >= 1 && most <= shownMost
  return fits ? [] : [`most: ${String(most)} is no whole number from 1 to ${shownMost}`]
}

const shownMost = 1_000
