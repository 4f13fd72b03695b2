/** What `topOf` and `countsOf` have in common: items of a few columns, with how many rows each has. */
import type { TypedColumn } from '../../types/declare.ts'
import { knownType, typeOf } from '../../types/types.ts'
import type { JsonForm, JsonValue } from '../../types/value-type.ts'
import type { Flat, ItemJson, LookedJson } from '../json-types.ts'
import { textsOf } from '../item.ts'
import {
  faultsOfLooked,
  lookedJson,
  lookedSchemas,
  type ItemLookup,
  type LookedFields,
} from '../lookup.ts'
import type { ItemForm, ItemPart } from '../view.ts'
import { typedColumn, type Column } from './columns.ts'
import {
  faultsOfCamelCase,
  lackingOf,
  unknownFaults,
  type AggregateDeclaration,
  type RowsDeclaration,
  type Shown,
  type Told,
} from './aggregate.ts'

/** A column, which readers see as `item`, or several under these names. */
export type Item = Column | Readonly<Record<string, Column>>

/** What readers see. */
export type CountedJson<Named, Fields> = readonly Flat<
  ItemJson<Named> & { readonly count: number } & LookedJson<Fields>
>[]

export type CountedDeclaration<
  Named extends Item = Item,
  Fields extends LookedFields = LookedFields,
> = RowsDeclaration & {
  /** `'state'`, `bigint('artist_id')`, or with names `{ artistId: bigint('artist_id') }`. */
  readonly item: Named
  /** What readers see of the entries of another view whose keys the items are. */
  readonly lookup?: ItemLookup<Fields>
}

/** `most` is undefined where readers get all items. */
export function countedOf(
  table: string,
  declared: CountedDeclaration,
  named: {
    readonly kind: string
    readonly builder: string
    readonly properties: readonly string[]
    readonly most: number | undefined
    readonly faults: readonly string[]
  },
): AggregateDeclaration<never> {
  const lacks = lackingOf(named.builder, declared, ['item', 'by'])
  if (lacks) return lacks
  const { by, where = [], lookup } = declared
  const { item, parts, faults } = readItem(declared.item)
  const slice = { order: 'largest', most: named.most } as const
  return {
    kind: named.kind,
    table,
    by,
    where,
    keeps: { counts: [], item },
    shows: { scale: 0, digits: 0, slice, parts },
    lookup,
    faults: [
      ...unknownFaults(named.builder, declared, named.properties),
      ...faults,
      ...named.faults,
      ...faultsOfItemLookup(lookup, parts),
    ],
  }
}

type Read = {
  readonly item: ItemForm
  readonly parts: readonly ItemPart[]
  readonly faults: readonly string[]
}

function readItem(given: Item): Read {
  const named = isColumn(given) ? { item: given } : given
  const columns = Object.entries(named ?? {}).map(
    ([name, each]) => [name, typedColumn(each)] as const,
  )
  const faults = [
    ...(columns.length > 0 ? [] : [`an item needs a column: item: bigint('artist_id')`]),
    ...columns.flatMap(([name, column]) => [
      ...faultsOfCamelCase(name),
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

/** Of a lookup by items that have these parts. */
function faultsOfItemLookup(
  lookup: ItemLookup | undefined,
  parts: readonly ItemPart[],
): readonly string[] {
  if (!lookup) return []
  return faultsOfLooked('lookup', lookup, [...parts.map(({ name }) => name), 'count'])
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

/** `[{ artistId, count, name }]`, in the order of the slice. What is no item is left out. */
export function countedJson(
  { aggregate, item, lookup }: Shown,
  { items, looked }: Told,
): JsonValue {
  const { columns } = item as ItemForm & { kind: 'values' }
  const shown: JsonValue[] = []
  for (const each of items) {
    const texts = textsOf(item!, each.item)
    if (!texts) continue
    const json: Record<string, JsonValue> = {}
    for (const { name, at } of aggregate.parts!) {
      json[name] = typeOf(columns[at]!.type).json.value(texts[at]!)
    }
    const more = lookup && lookedJson(lookup, each.item, looked)
    shown.push({ ...json, count: Number(each.amount), ...more })
  }
  return shown
}

export function countedSchema({ aggregate, item, lookup }: Shown): JsonForm['schema'] {
  const { columns } = item as ItemForm & { kind: 'values' }
  const properties: Record<string, object> = {}
  for (const { name, at } of aggregate.parts!) {
    properties[name] = typeOf(columns[at]!.type).json.schema
  }
  return listSchema(
    { ...properties, count: { type: 'integer', minimum: 1 }, ...(lookup && lookedSchemas(lookup)) },
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
