/**
 * Declarations of one view as data. A view's declaration may change while workers and APIs of the
 * earlier one still run, so stores keep every declaration that is in use, and workers fold all of
 * them at once. What two declarations define alike is one field of the entry; what a later one
 * defines differently under the same name is stored beside it, under that name and a hash.
 */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { MillraceError } from '../errors.ts'
import { columnTypes } from '../types/types.ts'
import aggregateForms from './aggregates/index.ts'
import { comparisons } from './condition.ts'
import { fieldsOf, viewOf, type Aggregate, type Count, type Tally, type View } from './view.ts'

const columnType = z.enum(columnTypes)

/** A list, of which one alone stands for itself. */
const list = <T extends z.ZodType>(item: T) =>
  z.union([z.array(item), item.transform((one) => [one])])

const condition = z.object({
  column: z.string(),
  type: columnType,
  is: z.enum(comparisons),
  values: z.array(z.string()),
})

const adds = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('row') }),
  z.object({ kind: z.literal('value'), column: z.string(), type: columnType }),
  z.object({ kind: z.literal('sum'), column: z.string(), type: columnType, scale: z.number() }),
])

const typedColumn = z.object({ column: z.string(), type: columnType })

const item = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('values'), columns: z.array(typedColumn) }),
  z.object({
    kind: z.literal('row'),
    order: typedColumn,
    scale: z.number(),
    key: z.array(typedColumn),
    fields: z.array(typedColumn),
  }),
])

const aggregate = z.object({
  name: z.string(),
  kind: z.enum(Object.keys(aggregateForms)),
  counts: z.array(z.string()),
  tally: z.string().optional(),
  scale: z.number(),
  digits: z.number(),
  slice: z
    .object({ order: z.enum(['largest', 'first', 'last']), most: z.number().optional() })
    .transform(({ order, most }) => ({ order, most }))
    .optional(),
  parts: z.array(z.object({ name: z.string(), at: z.number() })).optional(),
})

const rowGroup = z.object({
  name: z.string(),
  stored: z.string(),
  table: z.string(),
  by: list(z.string()),
  where: z.array(condition).default([]),
})

const window = z.object({ seconds: z.number() })

const viewSchema = z.object({
  name: z.string(),
  key: list(z.object({ name: z.string(), type: columnType, window: window.optional() })),
  row: z
    .object({
      table: z.string(),
      key: list(z.string()),
      fields: z.array(
        z.object({ name: z.string(), stored: z.string(), column: z.string(), type: columnType }),
      ),
    })
    .optional(),
  counts: z.array(rowGroup.extend({ adds: adds.default({ kind: 'row' }) })),
  tallies: z.array(rowGroup.extend({ item })).default([]),
  aggregates: z.array(aggregate).optional(),
  keep: z.number().optional(),
})

/** What a declaration says, whatever stores call its fields: equal ids are equal declarations. */
export function declarationId({ name, key, row, counts, tallies, aggregates, keep }: View): string {
  const fields = fieldsOf({ row }).map(({ name: field, column, type }) => [field, column, type])
  const owner = row ? [row.table, lone(row.key)] : [null, null]
  const numbers = counts.map((count) => [count.name, ...definitionOf(count)])
  const more = aggregates.flatMap(({ kind, ...each }) =>
    kind === 'count' ? [] : [{ kind, ...each }],
  )
  const items = tallies.map((tally) => [tally.name, ...tallyDefinition(tally)])
  const rest = [...(more.length === 0 ? [] : [more]), ...(items.length === 0 ? [] : [items])]
  const kept = keep === undefined ? [] : [{ keep }]
  return hashOf([name, lone(key), ...owner, fields, numbers, ...rest, ...kept])
}

export function encodeView({ name, key, row, counts, tallies, aggregates, keep }: View): string {
  return JSON.stringify({
    name,
    key: lone(key),
    row: row && { ...row, key: lone(row.key) },
    counts: counts.map((count) => ({ ...count, by: lone(count.by) })),
    ...(tallies.length === 0
      ? {}
      : { tallies: tallies.map((tally) => ({ ...tally, by: lone(tally.by) })) }),
    aggregates,
    keep,
  })
}

export function decodeView(text: string): View {
  const { aggregates, ...view } = viewSchema.parse(JSON.parse(text))
  return viewOf({ ...view, row: view.row, aggregates: aggregates ?? view.counts.map(counting) })
}

/** A count that a declaration has from when there was nothing else. */
function counting({ name }: Pick<Count, 'name'>): Aggregate {
  return { name, kind: 'count', counts: [name], scale: 0, digits: 0 }
}

/**
 * The view as it is stored beside others: a name that one of them has for something else gets a
 * hash of its own definition. Throws `view-invalid` for a view that has another key or owning row:
 * that is another view, and needs another name.
 */
export function storedBeside(view: View, others: readonly View[]): View {
  const taken = new Map<string, string>()
  for (const other of others) {
    refuseOtherKey(view, other)
    for (const field of definedBy(other)) taken.set(field.stored, field.definition)
  }
  const stored = (name: string, definition: string) =>
    (taken.get(name) ?? definition) === definition ? name : `${name}@${definition.slice(0, 6)}`
  const named = new Map(
    definedBy(view).map((each) => [each.name, stored(each.name, each.definition)]),
  )
  return viewOf({
    ...view,
    row: view.row && {
      ...view.row,
      fields: view.row.fields.map((field) => ({ ...field, stored: named.get(field.name)! })),
    },
    counts: view.counts.map((count) => ({ ...count, stored: named.get(count.name)! })),
    tallies: view.tallies.map((tally) => ({ ...tally, stored: named.get(tally.name)! })),
  })
}

/** All that these views store, as one view whose names are the stored ones. */
export function mergeViews(views: readonly View[]): View {
  const [first] = views
  if (!first) throw new Error('there is nothing to merge')
  const fields = new Map(
    views.flatMap((view) =>
      fieldsOf(view).map((field) => [field.stored, { ...field, name: field.stored }]),
    ),
  )
  const byStored = <Each extends Count | Tally>(groups: readonly Each[]) =>
    new Map(groups.map((group) => [group.stored, { ...group, name: group.stored }]))
  const counts = byStored(views.flatMap((view) => view.counts))
  const tallies = byStored(views.flatMap((view) => view.tallies))
  return viewOf({
    ...first,
    row: first.row && { ...first.row, fields: [...fields.values()] },
    counts: [...counts.values()],
    tallies: [...tallies.values()],
    aggregates: [],
    keep: longestKeep(views),
  })
}

/** One that keeps for ever outlasts all others. */
function longestKeep(views: readonly View[]): number | undefined {
  return views.reduce<number | undefined>(
    (most, { keep }) =>
      most === undefined || keep === undefined ? undefined : Math.max(most, keep),
    0,
  )
}

/** Names under which parts of an entry lie in the store. */
export function storedNames({ layout: { fields, counts, tallies } }: View): ReadonlySet<string> {
  return new Set([...[...fields, ...tallies].map(({ name }) => name), ...counts])
}

/** Stored names that `before` has and `after` has not. */
export function storedNamesLost(before: View, after: View): readonly string[] {
  const kept = new Set(definedBy(after).map(({ stored }) => stored))
  return definedBy(before).flatMap(({ stored }) => (kept.has(stored) ? [] : [stored]))
}

function refuseOtherKey(view: View, other: View): void {
  const shape = ({ key, row }: View) => JSON.stringify([key, row?.table, row?.key])
  if (shape(view) === shape(other)) return
  throw new MillraceError(
    'view-invalid',
    `view ${view.name} is kept with another key or owning table than its declaration has now`,
    { hint: 'That is another view: give it a name of its own, and drop the old one when unused.' },
  )
}

function definedBy({ row, counts, tallies }: View) {
  return [
    ...fieldsOf({ row }).map(({ name, stored, column, type }) => ({
      name,
      stored,
      definition: hashOf(['field', column, type]),
    })),
    ...counts.map((count) => ({
      name: count.name,
      stored: count.stored,
      definition: hashOf(['count', ...definitionOf(count)]),
    })),
    ...tallies.map((tally) => ({
      name: tally.name,
      stored: tally.stored,
      definition: hashOf(['tally', ...tallyDefinition(tally)]),
    })),
  ]
}

/** All rows counted lay so in stores when there was nothing else. */
function definitionOf({ table, by, where, adds: added }: Count): readonly unknown[] {
  const plain = where.length === 0 && added.kind === 'row'
  return plain ? [table, lone(by)] : [table, lone(by), where, added]
}

/** What is stored of it, whatever its name: what readers get of it is no part of that. */
export function tallyDefinition({ table, by, where, item: given }: Tally): readonly unknown[] {
  return [table, lone(by), where, given]
}

/** What a list of one holds: declarations lay so in stores when keys had one part alone. */
function lone<T>(items: readonly T[]): T | readonly T[] {
  return items.length === 1 ? items[0]! : items
}

function hashOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16)
}
