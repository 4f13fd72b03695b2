/**
 * What readers see of entries of another view whose keys stand in those of this one. It is read with
 * them in one step; stores and workers know nothing of it, and it is no part of what a declaration
 * is known by.
 */
import { nearest, didYouMean } from '../nearest.ts'
import { nullable } from '../types/arrays.ts'
import { knownType, typeOf, type ColumnType } from '../types/types.ts'
import type { JsonValue } from '../types/value-type.ts'
import { fieldsOf as rowFieldsOf, type Aggregate, type ItemForm, type View } from './view.ts'

export type Lookup = {
  /** Under which readers see it; that of an aggregate where its items are looked up. */
  readonly name: string
  readonly view: string
  readonly by: LookupBy
  /** Fields of the other view's entries, by their names there. */
  readonly fields: readonly LookedField[]
}

/** Where the keys stand: in a field, or in the items that an aggregate shows. */
export type LookupBy =
  | { readonly kind: 'field'; readonly field: string }
  | { readonly kind: 'items'; readonly aggregate: string }

export type LookedField = { readonly name: string; readonly type: ColumnType }

export type LookedFields = Readonly<Record<string, ColumnType>>

/** Of items: the whole item is the key. */
export type ItemLookup<Fields extends LookedFields = LookedFields> = {
  /** Name of a view of the same configuration that is keyed as the items are. */
  readonly view: string
  /** Fields of its owning row, as it declares them. */
  readonly fields: Fields
}

export type FieldLookup<Fields extends LookedFields = LookedFields> = ItemLookup<Fields> & {
  /** The field of this view that holds the key. */
  readonly by: string
}

/**
 * Fields of an entry of another view, whose key a field of this one holds; null where there is none
 * yet. Read with the entry in one step, and as it stands then.
 *
 *     lookups: { movie: lookup('movie', { by: 'movieId', fields: { title: 'text' } }) }
 */
export function lookup<const Fields extends LookedFields>(
  view: string,
  given: Omit<FieldLookup<Fields>, 'view'>,
): FieldLookup<Fields> {
  return { ...given, view }
}

type Declared = {
  readonly row?: { readonly fields: object } | undefined
  readonly lookups?: Readonly<Record<string, FieldLookup>> | undefined
  readonly aggregates?: Readonly<Record<string, { readonly lookup?: ItemLookup | undefined }>>
}

/** Undefined where there are none. */
export function lookupsOf({
  lookups = {},
  aggregates = {},
}: Declared): readonly Lookup[] | undefined {
  const ofFields = Object.entries(lookups).map(([name, { view, by, fields }]) => ({
    name,
    view,
    by: { kind: 'field' as const, field: by },
    fields: fieldsOf(fields),
  }))
  const ofItems = Object.entries(aggregates).flatMap(([name, { lookup: items }]) =>
    items
      ? [
          {
            name,
            view: items.view,
            by: { kind: 'items' as const, aggregate: name },
            fields: fieldsOf(items.fields),
          },
        ]
      : [],
  )
  const all = [...ofFields, ...ofItems]
  return all.length === 0 ? undefined : all
}

function fieldsOf(fields: LookedFields): readonly LookedField[] {
  return Object.entries(fields).map(([name, type]) => ({ name, type }))
}

/** What is wrong with lookups by fields, as far as their own declaration tells. */
export function faultsOfLookups({ row, lookups = {} }: Declared): string[] {
  const fields = Object.keys(row?.fields ?? {})
  return Object.entries(lookups).flatMap(([name, given]) => [
    ...(fields.includes(given.by)
      ? []
      : [`lookup ${name}: there is no field ${given.by}${didYouMean(nearest(given.by, fields))}`]),
    ...faultsOfLooked(`lookup ${name}`, given),
  ])
}

/** The same of the fields that one names, whose names have to be free. */
export function faultsOfLooked(
  what: string,
  { view, fields }: ItemLookup,
  taken: readonly string[] = [],
): string[] {
  const given = Object.entries(fields ?? {})
  if (typeof view !== 'string') return [`${what} names no view: { view: 'artist', fields: { … } }`]
  return [
    ...(given.length > 0 ? [] : [`${what} names no fields`]),
    ...given.flatMap(([name, type]) => [
      ...(knownType(type) ? [] : [`${what}: there is no type '${type}' for ${name}`]),
      ...(taken.includes(name) ? [`${what}: its items have ${name} already`] : []),
    ]),
  ]
}

/** What is wrong with the lookups of views that are served together. */
export function lookupFaults(views: readonly View[]): readonly string[] {
  return views.flatMap((view) =>
    (view.lookups ?? []).flatMap((each) => {
      const what = `lookup ${each.name} of ${view.name}`
      const other = views.find(({ name }) => name === each.view)
      if (other)
        return [...keyFaults(what, keyTypes(view, each), other), ...fieldFaults(what, each, other)]
      const near = didYouMean(
        nearest(
          each.view,
          views.map(({ name }) => name),
        ),
      )
      return [`${what}: there is no view ${each.view}${near}`]
    }),
  )
}

function keyTypes(view: View, { by }: Lookup): readonly ColumnType[] {
  if (by.kind === 'field') {
    return rowFieldsOf(view).flatMap(({ name, type }) => (name === by.field ? [type] : []))
  }
  const item = itemOf(view, by.aggregate)
  return item?.kind === 'values' ? item.columns.map(({ type }) => type) : []
}

function keyFaults(what: string, types: readonly ColumnType[], { name, key }: View): string[] {
  const wanted = key.map(({ type }) => type)
  if (wanted.join() === types.join()) return []
  return [`${what}: it has ${types.join(', ')}, and ${name} is keyed by ${wanted.join(', ')}`]
}

function fieldFaults(what: string, { fields }: Lookup, view: View): string[] {
  const { name: other } = view
  const names = rowFieldsOf(view).map(({ name }) => name)
  return fields.flatMap(({ name, type }) => {
    const found = rowFieldsOf(view).find((field) => field.name === name)
    if (!found) return [`${what}: ${other} has no field ${name}${didYouMean(nearest(name, names))}`]
    return found.type === type ? [] : [`${what}: ${name} of ${other} is ${found.type}, not ${type}`]
  })
}

function itemOf({ aggregates, tallies }: View, aggregate: string): ItemForm | undefined {
  const tally = aggregates.find(({ name }) => name === aggregate)?.tally
  return tallies.find(({ name }) => name === tally)?.item
}

/**
 * What a read of one entry costs a store, where that of one without items costs 1: an entry of another
 * view as much, an item of its own a quarter. At most, and roughly where items have no bound.
 */
export function readWeight({ lookups = [], aggregates }: View): number {
  const items = (name: string) => itemsMost(aggregates.find((each) => each.name === name))
  const looked = lookups.map(({ by }) => (by.kind === 'field' ? 1 : items(by.aggregate)))
  const own = aggregates.map((each) => itemsMost(each) / 4)
  return [...looked, ...own].reduce((sum, each) => sum + each, 1)
}

function itemsMost(aggregate: Aggregate | undefined): number {
  return aggregate?.slice ? (aggregate.slice.most ?? unboundedItems) : 0
}

const unboundedItems = 100

/** By the name of a lookup, then by key, the values of its fields in their order. */
export type Looked = ReadonlyMap<string, ReadonlyMap<string, readonly (string | null)[]>>

/** All fields null where there is no such entry. */
export function lookedJson(
  { name, fields }: Lookup,
  key: string,
  looked: Looked | undefined,
): Readonly<Record<string, JsonValue>> {
  return jsonOf(fields, looked?.get(name)?.get(key))
}

/** Null where there is no such entry. */
export function lookedObject(
  { name, fields }: Lookup,
  key: string | null,
  looked: Looked | undefined,
): JsonValue {
  const values = key === null ? undefined : looked?.get(name)?.get(key)
  return values ? jsonOf(fields, values) : null
}

function jsonOf(
  fields: readonly LookedField[],
  values: readonly (string | null)[] | undefined,
): Readonly<Record<string, JsonValue>> {
  const json: Record<string, JsonValue> = {}
  for (const [at, { name, type }] of fields.entries()) {
    const text = values?.[at] ?? null
    json[name] = text === null ? null : typeOf(type).json.value(text)
  }
  return json
}

/** Of each field. */
export function lookedSchemas({ fields }: Lookup): Readonly<Record<string, object>> {
  return Object.fromEntries(
    fields.map(({ name, type }) => [name, nullable(typeOf(type).json.schema)]),
  )
}
