/** Tables, views over them and changes of their rows, made of numbers that chance has picked. */
import * as fc from 'fast-check'
import { defineView, from, windowOf, type View } from '../../src/index.ts'
import type { KeyType } from '../../src/types/types.ts'
import type { WindowType } from '../../src/types/windows.ts'
import type { Condition } from '../../src/view/condition.ts'
import { replicaIdentityOf } from '../../src/view/replica-identity.ts'
import { tablesOf } from '../../src/view/view.ts'
import { canonicalTable } from '../../src/table-name.ts'
import { aggregateForms, aggregateKinds, aggregateOf, type AggregateKind } from './aggregates.ts'
import { conditionForm, conditionOn } from './conditions.ts'
import {
  fieldForm,
  fieldTypes,
  idForm,
  keyForms,
  momentForms,
  witnessForm,
  type Form,
} from './forms.ts'

const nat = fc.nat(0xffff)

const fields = fc.shuffledSubarray([...fieldTypes], { minLength: 2, maxLength: 12 })

const family = fc.record({
  parts: fc.array(nat, { minLength: 1, maxLength: 3 }),
  fields,
  which: nat,
  aggregates: fc.array(fc.record({ table: nat, reuse: nat, kind: nat, where: nat }), {
    maxLength: 7,
    size: 'max',
  }),
  views: fc.array(fc.record({ fields: nat, aggregates: nat }), { minLength: 1, maxLength: 2 }),
})

/** All values alike, for small ones are nothing special here. */
const change = fc.noBias(
  fc.record({
    table: nat,
    kind: fc.nat(99),
    row: nat,
    cells: fc.array(nat, { minLength: 24, maxLength: 24 }),
  }),
)

const transaction = fc.record({
  changes: fc.array(change, { minLength: 1, maxLength: 8, size: 'max' }),
  end: fc.nat(9),
  savepoint: nat,
})

/** What everything follows from. */
export const numbers = fc.record({
  families: fc.array(family, { minLength: 1, maxLength: 2 }),
  tables: fc.array(fc.record({ key: fc.nat(2), fields: nat }), { minLength: 1, maxLength: 3 }),
  names: nat,
  full: nat,
  transactions: fc.array(transaction, { minLength: 1, maxLength: 30, size: 'max' }),
})

export type Numbers = typeof numbers extends fc.Arbitrary<infer Value> ? Value : never

export type Column = {
  readonly name: string
  readonly form: Form
  readonly nullable: boolean
  /** Whether rows belong to entries by it. */
  readonly isGroup: boolean
}

export type Table = {
  readonly schema: string
  readonly name: string
  readonly columns: readonly Column[]
  readonly key: readonly string[]
  readonly identity: 'full' | 'default'
  /** Columns that rows belong to entries by. */
  readonly groups: readonly string[]
}

export type Plan = {
  readonly tables: readonly Table[]
  readonly views: readonly View[]
}

export type PlanNames = {
  /** Schemas that tables are spread over. */
  readonly schemas: readonly string[]
  /** With which names of tables end, and names of views begin. */
  readonly mark: string
  /** Whether views that can keep their entries for some time only do so. */
  readonly keeps?: boolean
}

/** As `Table`, while it is made. */
type Draft = {
  readonly schema: string
  readonly name: string
  readonly columns: Column[]
  key: string[]
  readonly groups: Set<string>
}

type Drawn = {
  readonly table: Draft
  readonly by: readonly string[]
  readonly kind: AggregateKind
  readonly columns: readonly string[]
  readonly where: readonly Condition[]
}

export function planOf(given: Numbers, { schemas, mark, keeps = false }: PlanNames): Plan {
  let named = given.names
  const table = (kind: string): Draft => {
    named += 1
    const name = `${pick(tableWords, named)}${kind}${mark}`
    const schema = pick(schemas, named)
    return { schema, name, columns: [], key: [], groups: new Set() }
  }
  const add = (to: Draft, form: Form, nullable: boolean): string => {
    named += 1
    const name = `${pick(columnWords, named)}${to.columns.length}`
    to.columns.push({ name, form, nullable, isGroup: false })
    return name
  }
  const others = given.tables.map((_, at) => table(`o${at}`))
  const owners = given.families.map(({ parts, ...own }, at) => {
    const owner = table(`f${at}`)
    const forms = parts.map((part) => pick(keyForms, part))
    // A part that can be a window alone.
    if (own.which % 4 === 1) forms[0] = pick(momentForms, own.which >> 2)
    owner.key = forms.map((form) => add(owner, form, false))
    for (const name of owner.key) owner.groups.add(name)
    const shown = own.fields.map((type, place) => {
      const form = fieldForm(type, own.which + place)
      return { name: add(owner, form, (own.which + place) % 4 !== 0), type }
    })
    return { owner, forms, shown }
  })
  const all = [...others, ...owners.map(({ owner }) => owner)]
  const aggregates = given.families.map((each, at) =>
    each.aggregates.map((drawn): Drawn => {
      const counted = pick(all, drawn.table)
      const by: string[] = []
      for (const [part, form] of owners[at]!.forms.entries()) {
        const known = counted.columns.find(
          ({ name, form: its }) => its === form && counted.groups.has(name) && !by.includes(name),
        )
        const isReused = known !== undefined && (drawn.reuse >> part) % 4 === 0
        by.push(isReused ? known.name : add(counted, form, true))
      }
      for (const name of by) counted.groups.add(name)
      const kind = pick(aggregateKinds, drawn.kind)
      const columns = aggregateForms(kind, drawn.reuse).map((form) => add(counted, form, true))
      const asked = conditionForm(drawn.where)
      const where = asked ? [conditionOn(add(counted, asked, true), asked, drawn.where)] : []
      return { table: counted, by, kind, columns, where }
    }),
  )
  for (const [at, other] of others.entries()) {
    const { key, fields: more } = given.tables[at]!
    const counted = aggregates.flat().filter((each) => each.table === other)
    other.key = [...(key > 0 ? (counted[key % counted.length]?.by ?? []) : [])]
    if (key < 2 || other.key.length === 0) other.key.push(add(other, idForm, false))
    if (more % 2 === 0) add(other, fieldForm(pick(fieldTypes, more), more), true)
  }
  for (const each of all) add(each, witnessForm, true)
  const views = given.families.flatMap((each, at) =>
    each.views.flatMap((masks, place) => {
      const parts = { ...owners[at]!, aggregates: aggregates[at]!, masks, keeps }
      return viewOf(`${mark}-${at}-${place}`, parts) ?? []
    }),
  )
  return { tables: all.map((each, at) => tableOf(each, views, (given.full >> at) % 2)), views }
}

type ViewParts = {
  readonly owner: Draft
  readonly forms: readonly Form[]
  readonly shown: readonly { readonly name: string; readonly type: Form['type'] }[]
  readonly aggregates: readonly Drawn[]
  /** Which of them the view has; all where it is 0. */
  readonly masks: { readonly fields: number; readonly aggregates: number }
  readonly keeps: boolean
}

/** Undefined where its key has a window of moments, and nothing is counted by it. */
function viewOf(
  name: string,
  { owner, forms, shown, aggregates, masks, keeps }: ViewParts,
): View | undefined {
  const chosen = <T>(items: readonly T[], mask: number) =>
    items.filter((_, at) => mask % 3 === 0 || (mask >> at) % 2 === 0)
  const keyed = owner.key.map((column, at) => ({ name: column, type: forms[at]!.type }))
  const asFields = masks.fields % 5 === 1 ? [...shown, ...keyed] : shown
  const row = from(nameOf(owner), {
    key: owner.key,
    fields: Object.fromEntries(
      chosen(asFields, masks.fields).map(({ name: column, type }, at) => [
        `field${at}`,
        { column, type },
      ]),
    ),
  })
  const moment = forms.findIndex((form) => momentForms.includes(form))
  const some = chosen(aggregates, masks.aggregates)
  const counted = some.length === 0 && moment >= 0 ? aggregates : some
  if (counted.length === 0 && moment >= 0) return undefined
  const date = forms.findIndex(({ type }) => type === 'date')
  // Dates are rare among keys, and windows are made of them here.
  const isOwned =
    moment < 0 &&
    (counted.length === 0 || (date < 0 ? masks.fields % 4 !== 2 : masks.fields % 4 === 0))
  const window = isOwned ? -1 : Math.max(moment, moment < 0 ? date : -1)
  const parts = forms.map(({ type }, at) => {
    if (at !== window) return type as KeyType
    return type === 'date' ? windowOf(type, '7 days') : windowOf(type as WindowType, '15 minutes')
  })
  const times = parts.filter((part) => typeof part !== 'string' || part === 'date')
  return defineView({
    name: `view-${name}`,
    ...(keeps && times.length === 1 && { keep: '60 days' }),
    key: Object.fromEntries(parts.map((part, at) => [`key${at}`, part])),
    ...(isOwned && { row }),
    aggregates: Object.fromEntries(
      counted.map((drawn, at) => [
        `${drawn.kind}${at}`,
        aggregateOf({
          ...drawn,
          table: nameOf(drawn.table),
          columns: typed(drawn.table, drawn.columns),
          key: typed(drawn.table, drawn.table.key),
        }),
      ]),
    ),
  })
}

function typed({ columns }: Draft, names: readonly string[]) {
  return names.map((column) => ({
    column,
    type: columns.find(({ name }) => name === column)!.form.type,
  }))
}

function tableOf({ groups, ...draft }: Draft, views: readonly View[], full: number): Table {
  const name = canonicalTable(nameOf(draft))
  const needs = views
    .filter((view) => tablesOf(view).includes(name))
    .map((view) => replicaIdentityOf(view, name, draft.key))
  return {
    ...draft,
    // What is in the primary key is not null, whatever else it is for.
    columns: draft.columns.map((column) => ({
      ...column,
      nullable: column.nullable && !draft.key.includes(column.name),
      isGroup: groups.has(column.name),
    })),
    identity: needs.includes('full') || full === 1 ? 'full' : 'default',
    groups: [...groups],
  }
}

/** As declarations name it. */
export function nameOf({ schema, name }: Pick<Table, 'schema' | 'name'>): string {
  return `"${schema.replaceAll('"', '""')}"."${name.replaceAll('"', '""')}"`
}

export function pick<T>(items: readonly T[], at: number): T {
  return items[at % items.length]!
}

/** The connector stops at a table with a quote in its name. */
const tableWords = ['t', 'Orders ', 'v1.', 'ä😀', 'select', "it's "]
const columnWords = ['c', 'The "Value" ', 'ä ', 'select', 'a.b', '1 ', 'CamelCase', "it's", '%s\\']
