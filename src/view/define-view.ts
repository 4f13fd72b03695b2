import { MillraceError } from '../errors.ts'
import { canonicalTable, parseTable } from '../table-name.ts'
import { knownType, type ColumnType } from '../types/types.ts'
import { windowSeconds } from '../types/windows.ts'
import {
  faultsOfCamelCase,
  unknownFaults,
  type AggregateDeclaration,
} from './aggregates/aggregate.ts'
import { typedColumn } from './aggregates/columns.ts'
import { faultsOfCondition } from './condition.ts'
import { tallyDefinition } from './declarations.ts'
import type {
  AggregateDeclarations,
  FieldDeclarations,
  KeyDeclaration,
  LookupDeclarations,
  RespondingDeclaration,
  RowDeclaration,
  ViewDeclaration,
} from './declaration.ts'
import type { EntryJsonOf } from './json-types.ts'
import { faultsOfForm } from './form-faults.ts'
import { faultsOfKeep } from './keep-faults.ts'
import { faultsOfKey } from './key-faults.ts'
import { faultsOfLookups, lookupsOf } from './lookup.ts'
import { faultsOfServe } from './paths.ts'
import { faultsOfRespond, respondOf, type QueryDeclaration, type ViewOf } from './respond.ts'
import {
  hiddenCounts,
  itemColumns,
  viewOf,
  type Count,
  type OwningRow,
  type Tally,
} from './view.ts'
import { partOf } from './window-of.ts'

export { countOf } from './aggregates/count-of.ts'
export {
  from,
  type FieldDeclaration,
  type RowDeclaration,
  type ViewDeclaration,
} from './declaration.ts'

/**
 * Makes a view of a declaration. A declaration that can't work throws `view-invalid`, which names
 * everything that is wrong with it.
 *
 *     defineView({
 *       name: 'user-information',
 *       key: { userId: 'bigint' },
 *       row: from('users', { key: 'user_id', fields: { name: 'name' } }),
 *       aggregates: { tweetCount: countOf('tweets', { by: 'user_id' }) },
 *     })
 *
 * Without `row`, an entry exists while any row is counted in it.
 */
export function defineView<
  const Key extends KeyDeclaration,
  const Fields extends FieldDeclarations,
  const Aggregates extends AggregateDeclarations = {},
  const Query extends QueryDeclaration = {},
  const Lookups extends LookupDeclarations = {},
>(
  declaration: RespondingDeclaration<Key, Fields, Aggregates, Query, Lookups>,
): ViewOf<EntryJsonOf<Key, Fields, Aggregates, Lookups>> {
  const wrong = faultsOf(declaration)
  const { name, serve, keep, lingerMs } = { ...declaration }
  if (wrong.length > 0) {
    const message = `view '${name}' can't be defined: ${wrong.join('; ')}`
    if (!gathered) throw new MillraceError('view-invalid', message)
    gathered.push(message)
    const row = { table: '', key: [], fields: [] }
    return viewOf({ name, key: [], row, counts: [], tallies: [], aggregates: [] })
  }
  const tallies: Tally[] = []
  const aggregates = Object.entries(declaration.aggregates ?? {}).map(([aggregate, declared]) => ({
    name: aggregate,
    declared,
    counts: countsOf(aggregate, declared),
    tally: tallyOf(aggregate, declared, tallies),
  }))
  const row = owningRow(declaration.row)
  const counts = aggregates.flatMap((each) => each.counts)
  return viewOf({
    name,
    key: Object.entries(declaration.key).map(([part, type]) => partOf(part, type)),
    row,
    counts: [...counts, ...hiddenCounts({ row, counts, tallies })],
    tallies,
    aggregates: aggregates.map(({ name: aggregate, declared, tally, ...own }) => ({
      name: aggregate,
      kind: declared.kind,
      counts: own.counts.map((count) => count.name),
      ...(tally && { tally: tally.name }),
      ...declared.shows,
    })),
    ...(keep === undefined ? {} : { keep: windowSeconds(keep)! }),
    lingerMs,
    serve,
    lookups: lookupsOf(declaration),
    respond: respondOf(declaration),
  })
}

function owningRow(row: RowDeclaration | undefined): OwningRow | undefined {
  if (!row) return undefined
  const fields = Object.entries(row.fields).map(([name, source]) => ({
    name,
    stored: name,
    ...typedColumn(source),
  }))
  return { table: canonicalTable(row.table), key: [row.key].flat(), fields }
}

function countsOf(name: string, declared: AggregateDeclaration): readonly Count[] {
  return declared.keeps.counts.map(({ end, adds }) => ({
    ...groupOf(`${name}${end}`, declared),
    adds,
  }))
}

/** Aggregates of the same rows and items have one tally, which is added where there is none yet. */
function tallyOf(name: string, declared: AggregateDeclaration, tallies: Tally[]) {
  const { item } = declared.keeps
  if (!item) return undefined
  const tally = { ...groupOf(name, declared), item }
  const definition = (each: Tally) => JSON.stringify(tallyDefinition(each))
  const known = tallies.find((each) => definition(each) === definition(tally))
  if (!known) tallies.push(tally)
  return known ?? tally
}

function groupOf(name: string, { table, by, where = [] }: AggregateDeclaration) {
  return { name, stored: name, table: canonicalTable(table), by: [by].flat(), where }
}

/** Faults of the views that are being loaded. */
let gathered: string[] | undefined

/**
 * Loads what defines views, and answers what is wrong with any of them, so that all of it can be
 * said at once. A view that can't be defined is an empty one there, which is of no use.
 */
export async function gatherFaults<Result>(
  load: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly faults: readonly string[] }> {
  const faults: string[] = []
  gathered = faults
  try {
    return { result: await load(), faults }
  } catch (error) {
    // What failed may have done so for want of a view.
    if (faults.length === 0) throw error
    throw new MillraceError('view-invalid', faults.join('\n'), { cause: error })
  } finally {
    gathered = undefined
  }
}

/** Names that JavaScript gives to every object, or that a store may want for itself. */
const reserved = new Set([
  ...Object.getOwnPropertyNames(Object.prototype),
  // The last ones are columns that Postgres gives to every table.
  ...`prototype exists watermark present ctid xmin xmax cmin cmax tableoid`.split(' '),
])

/** What declarations are made of: JavaScript lets a name through that is none of them. */
const properties = {
  declaration: 'name key row aggregates keep lookups lingerMs serve respond query schema'.split(
    ' ',
  ),
  row: ['table', 'key', 'fields'],
}

function faultsOf(declaration: ViewDeclaration): readonly string[] {
  const misshapen = faultsOfForm(declaration)
  if (misshapen.length > 0) return misshapen
  const { name, key, row } = declaration
  const aggregates = Object.entries(declaration.aggregates ?? {})
  const numbers = aggregates.flatMap(([aggregate, declared]) =>
    declared.keeps.counts.map(({ end }) => `${aggregate}${end}`),
  )
  const names = [
    ...Object.keys(key),
    ...Object.keys(row?.fields ?? {}),
    // An aggregate of one number has its name.
    ...numbers,
    ...aggregates.flatMap(([aggregate]) => (numbers.includes(aggregate) ? [] : [aggregate])),
    ...Object.keys(declaration.lookups ?? {}),
  ]
  return [
    ...(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name) ? [] : ['its name is not in kebab-case']),
    ...(name === 'millrace' ? [`the name 'millrace' is reserved`] : []),
    ...unknownFaults('a declaration', declaration, properties.declaration),
    ...unknownFaults('a row', row ?? {}, properties.row),
    ...('fields' in declaration ? [`fields stand in its row, which says whose they are`] : []),
    ...faultsOfKey(declaration),
    ...faultsOfKeep(declaration),
    ...faultsOfLinger(declaration),
    ...names.flatMap((field) => faultsOfName(field)),
    ...collisionsOf(names),
    ...faultsOfTypes(declaration),
    ...faultsOfColumns(declaration),
    ...aggregates.flatMap(([, { where = [] }]) => where.flatMap(faultsOfCondition)),
    ...aggregates.flatMap(([, declared]) => declared.faults),
    ...faultsOfServe(declaration),
    ...faultsOfRespond(declaration),
    ...faultsOfLookups(declaration),
  ]
}

/** Looks wait for checkpoints, and take those that stand still for longer for broken. */
const lingerMsMax = 2_000

function faultsOfLinger({ lingerMs: ms }: ViewDeclaration): string[] {
  if (ms === undefined || (Number.isInteger(ms) && ms >= 0 && ms <= lingerMsMax)) return []
  return [`lingerMs ${ms} is no whole number of milliseconds from 0 to ${lingerMsMax}`]
}

function faultsOfTypes({ row }: ViewDeclaration): string[] {
  return Object.entries(row?.fields ?? {}).flatMap(([name, field]) => {
    const { type } = typedColumn(field)
    if (knownType(type)) return []
    const element = type.endsWith('[]') ? knownType(type.slice(0, -2)) : undefined
    if (!element) return [`there is no type '${type}' for ${name}`]
    return [`${name} can't be an array of ${element.name}: ${element.noArray}`]
  })
}

function faultsOfName(name: string): string[] {
  const faults = faultsOfCamelCase(name)
  return faults.length === 0 && reserved.has(name) ? [`the name '${name}' is reserved`] : faults
}

/** Stores spell names their own way, so two that differ in upper case alone may meet. */
function collisionsOf(names: readonly string[]): string[] {
  const seen = new Map<string, string>()
  return names.flatMap((name) => {
    const first = seen.get(name.toLowerCase())
    if (first === undefined) {
      seen.set(name.toLowerCase(), name)
      return []
    }
    return [first === name ? `'${name}' is named twice` : `'${first}' and '${name}' collide`]
  })
}

function faultsOfColumns({ key, row, aggregates = {} }: ViewDeclaration): string[] {
  const owner = row ? [row] : []
  const fields = owner.flatMap(({ table, fields: each }) =>
    Object.values(each).map((field) => ({ table, ...typedColumn(field) })),
  )
  const declared = Object.values(aggregates)
  const keyed = [...owner, ...declared.map(({ table, by }) => ({ table, key: by }))]
  const used = declared.flatMap(({ table, keeps, where = [] }) => {
    const added = keeps.counts.flatMap(({ adds }) => (adds.kind === 'row' ? [] : [adds]))
    const columns = [...where, ...added, ...(keeps.item ? itemColumns(keeps.item) : [])]
    return columns.map(({ column, type }) => ({ table, column, type }))
  })
  const types = new Map<string, ColumnType>()
  const note = (table: string, column: string, type: ColumnType | undefined): string[] => {
    const place = JSON.stringify([parseTable(table) ?? table, column])
    const known = types.get(place)
    if (type === undefined || known === type) return []
    types.set(place, known ?? type)
    return known ? [`column ${column} of ${table} is both ${known} and ${type}`] : []
  }
  const columns = [
    ...keyed.flatMap((each) => each.key),
    ...[...fields, ...used].map(({ column }) => column),
  ]
  const keyTypes = Object.values(key).map((part) => (typeof part === 'string' ? part : part.type))
  return [
    ...keyed.flatMap(({ table }) => {
      const name = parseTable(table)
      return name && isIdentifier(name.schema) && isIdentifier(name.name)
        ? []
        : [
            `'${table}' can't name a table: it is written as orders, sales.orders, sales."v1.orders"`,
          ]
    }),
    ...columns.flatMap((column) =>
      isIdentifier(column) ? [] : [`'${column}' can't name a column`],
    ),
    ...keyed.flatMap(({ table, key: names }) =>
      [names].flat().flatMap((column, at) => note(table, column, keyTypes[at])),
    ),
    ...[...fields, ...used].flatMap(({ table, column, type }) => note(table, column, type)),
  ]
}

/** Postgres cuts off what is longer. */
function isIdentifier(name: unknown): boolean {
  return (
    typeof name === 'string' && name !== '' && !name.includes('\0') && Buffer.byteLength(name) <= 63
  )
}
