/**
 * The question whose answer a view must equal, in the words of the source database.
 *
 * A page is asked for by one statement for the owning rows, where there are any, and one for each
 * group of counts of the same rows; `readTruth` puts the answers together. Joined in SQL they would cost the source twice as much. The statements
 * see one moment only if one snapshot serves them all.
 */
import { typeOf } from '../types/types.ts'
import { keyFormOf } from '../types/windows.ts'
import { identifier, literal, tableName } from './sql-text.ts'
import {
  belongsSql,
  cast,
  inOrder,
  keyedSql,
  keyLiterals,
  ordered,
  partTexts,
  rowSql,
  rowsOfKeys,
  spelledSql,
  walked,
} from './truth-keys.ts'
import { conditionSql } from './condition.ts'
import { countGroups, type CountGroup } from './count-groups.ts'
import type { Adds, OwningRow, View } from './view.ts'

export type PageLimits = {
  /** Owning rows of a page; without owning rows, keys that each group of counts answers. */
  readonly keysMax: number
  /** Rows of one table that are counted for a page, unless one key alone has more. */
  readonly rowsMax: number
}

/** `statements` begin with those whose rows `readTruth` takes, in its order. */
export type TruthQuery = {
  /** Run before the others, in the same transaction. */
  readonly prelude: readonly string[]
  /** The owning rows, where there are any, then each group of counts. */
  readonly statements: readonly string[]
  /** Undefined for a page of given keys. */
  readonly limits: PageLimits | undefined
}

/**
 * The keys that follow `after`, or the first ones. Text keys are ordered by their bytes, which is
 * the same everywhere; a large table wants indexes with `collate "C"` for that.
 */
export function rangeQuery(view: View, after: string | undefined, limits: PageLimits): TruthQuery {
  const row = (parts: readonly string[]) => rowSql(inOrder(view, parts))
  const start = after === undefined ? undefined : row(keyLiterals(view, after))
  const where = (columns: readonly string[]) =>
    start === undefined ? [] : [`${row(columns)} > ${start}`]
  const counted = countGroups(view).map((group) => countedRange(view, group, { where, limits }))
  if (!view.row) return { prelude: [], statements: counted, limits }
  const owner = ordered(view, view.row.key.map(identifier))
  const page = `from ${tableName(view.row.table)}${conditionOf(where(owner))} order by ${inOrder(view, owner).join(', ')}`
  const bound = `json_build_array(${view.row.key.map((column) => `${identifier(column)}::text`).join(', ')})`
  return {
    prelude: [
      // The last owning row bounds what is counted.
      `select set_config('millrace.bound', coalesce((select ${bound}::text` +
        ` ${page} offset ${limits.keysMax - 1} limit 1), ''), true)`,
    ],
    statements: [ownerSelect(view, view.row, `${page} limit ${limits.keysMax}`), ...counted],
    limits,
  }
}

/** Keys that can't be one of the view's are not asked for. */
export function keysQuery(view: View, keys: readonly string[]): TruthQuery {
  const counted = countGroups(view).map((group) => {
    const { source, conditions } = rowsOfKeys(view, group, keys)
    const rows = rowsSql(group, aliased(ordered(view, group.by.map(identifier))), source)
    const all = `${rows}${conditionOf([...conditions, ...group.where.map(conditionSql)])}`
    return countSelect(view, group, { groups: groupsSql(view, group, all), whole: 'null' })
  })
  if (!view.row) return { prelude: [], statements: counted, limits: undefined }
  const owner = ordered(view, view.row.key.map(identifier))
  const page =
    `from ${tableName(view.row.table)} where ${belongsSql(view, view.row.key, keys)} ` +
    `order by ${inOrder(view, owner).join(', ')} limit ${keys.length}`
  return {
    prelude: [],
    statements: [ownerSelect(view, view.row, page), ...counted],
    limits: undefined,
  }
}

/**
 * Of these keys, those whose owning row's version was made by a transaction before `since`, its id
 * in 64 bits. Ages are counted modulo 2^32, so an id that is too far away proves nothing; a version
 * that is older than the ids that can be compared is frozen, and passes for young at worst.
 */
export function settledQuery(view: View, keys: readonly string[], since: bigint): string {
  // No one row says that an entry has stood as it is.
  if (!view.row) return 'select null where false'
  const id = `${literal(String(BigInt.asUintN(32, since)))}::xid`
  const next = 'pg_snapshot_xmax(pg_current_snapshot())::text::numeric'
  return [
    `select ${spelledSql(view, view.row.key.map(identifier))} from ${tableName(view.row.table)}`,
    `where ${belongsSql(view, view.row.key, keys)}`,
    `and ${next} - ${since} between 0 and 2000000000`,
    `and age(xmin) > age(${id})`,
  ].join(' ')
}

/**
 * Key and the owning row's part of the entry's text. `page` ends in a limit, which keeps what is
 * selected from being computed twice.
 */
function ownerSelect(view: View, row: OwningRow, page: string): string {
  const fields = row.fields.map(
    ({ column, type }, i) => `${typeOf(type).sql(identifier(column))} as f${i}`,
  )
  const keys = keyNames(view).map((name) => `o.${name}`)
  const cells = [...partTexts(view, keys), ...row.fields.map((_, i) => `f${i}`)].map(
    (text) => `coalesce(octet_length(${text}) || ':' || ${text}, '-')`,
  )
  const inner = [aliased(ordered(view, row.key.map(identifier))), ...fields].join(', ')
  return (
    `select ${spelledSql(view, keys)}, '+' || ${cells.join(' || ')} ` +
    `from (select ${inner} ${page}) o order by ${inOrder(view, keys).join(', ')}`
  )
}

/** Names of the parts of a key within a query. */
function keyNames({ key }: View): readonly string[] {
  return key.map((_, at) => `k${at}`)
}

function aliased(parts: readonly string[]): string {
  return parts.map((part, at) => `${part} as k${at}`).join(', ')
}

/** Selects the parts of each row's key, and what it adds. */
function rowsSql({ counts }: CountGroup, keys: string, source: string): string {
  const added = counts.flatMap(({ adds }, at) =>
    adds.kind === 'row' ? [] : [`${identifier(adds.column)} as v${at}`],
  )
  return `select ${[keys, ...added].join(', ')} from ${source}`
}

function groupsSql(view: View, { counts }: CountGroup, rows: string): string {
  const names = keyNames(view)
  const list = names.join(', ')
  const amounts = counts.map(({ adds }, at) => `, ${addedSql(adds, `v${at}`)} as a${at}`)
  return (
    `select ${list}, count(*) as n${amounts.join('')} from (${rows}) r ` +
    `group by ${list} order by ${inOrder(view, walked(view, names)).join(', ')}`
  )
}

/** What rows add together, an integer of any size. */
function addedSql(adds: Adds, value: string): string {
  if (adds.kind === 'row') return 'count(*)'
  if (adds.kind === 'value') return `count(${value})`
  const sum = `coalesce(sum(${value}), 0)`
  return adds.scale === 0 ? `round(${sum})` : `round(${sum} * 1e${adds.scale})`
}

type Groups = { readonly groups: string; readonly whole: string }

/** Keys in their order, the rows of all of them, `whole`, and the numbers of each key by count. */
function countSelect(view: View, { counts }: CountGroup, { groups, whole }: Groups): string {
  const key = spelledSql(view, keyNames(view))
  // Texts of numbers alone need no quotes, and there may be many of them.
  const keys = isNumber(view) ? `string_agg(${key}, ',')` : `json_agg(${key})`
  const amounts = counts.map((_, at) => `string_agg(a${at}::text, ',')`).join(', ')
  return `select ${keys}, sum(n)::float8, ${whole}, ${amounts} from (${groups}) c`
}

function isNumber({ key }: View): boolean {
  return key.length === 1 && ['bigint', 'integer', 'smallint'].includes(key[0]!.type)
}

type RangeParts = {
  readonly where: (columns: readonly string[]) => readonly string[]
  readonly limits: PageLimits
}

/**
 * At most `rowsMax` rows and `groupsMax` keys. Where one key alone has more rows than that, `whole` says how many.
 */
function countedRange(view: View, group: CountGroup, { where, limits }: RangeParts): string {
  const { table, by, counts } = group
  const names = by.map(identifier)
  const columns = walked(view, names)
  const source = tableName(table)
  const upTo = () =>
    `${rowSql(inOrder(view, columns))} <= ${rowSql(inOrder(view, bounds(view, columns, source)))}`
  const conditions = [
    ...where(columns),
    ...(view.row ? [upTo()] : []),
    // A row is compared by its first parts where they decide, whatever the others are.
    ...keyedSql(view, columns),
    ...group.where.map(conditionSql),
  ]
  const rows =
    `${rowsSql(group, aliased(ordered(view, names)), source)}${conditionOf(conditions)} ` +
    `order by ${inOrder(view, columns).join(', ')} limit ${limits.rowsMax}`
  const one = columns.map((column, at) => {
    const value = `(array_agg(c.k${at}))[1]`
    const part = view.key[at]!
    return part.window ? keyFormOf(part).equals(column, value) : `${column} = ${value}`
  })
  const numbers = counts.map(({ adds }) =>
    addedSql(adds, adds.kind === 'row' ? '*' : identifier(adds.column)),
  )
  const texts = ['count(*)', ...numbers].map((number) => `(${number})::text`).join(', ')
  const all =
    `(select json_build_array(${texts}) from ${source}` +
    `${conditionOf([...one, ...group.where.map(conditionSql)])})`
  const whole = `case when count(*) = 1 and sum(n) >= ${limits.rowsMax} then ${all} end`
  const groups = `${groupsSql(view, group, rows)} limit ${groupsMax(view, limits)}`
  return countSelect(view, group, { groups, whole })
}

/** There may be any number of keys without an owning row where others have one. */
export function groupsMax({ row }: View, { keysMax }: PageLimits): number {
  return row ? keysMax * 2 : keysMax
}

/** The last owning row's key, or what no key is greater than where the page has the last rows. */
function bounds(view: View, columns: readonly string[], source: string): readonly string[] {
  const bound = `nullif(current_setting('millrace.bound'), '')::json`
  return view.key.map((part, at) => {
    const { type } = part
    const form = keyFormOf(part)
    const { last } = form
    const most =
      last === undefined
        ? `(select max(${columns[at]}) from ${source})`
        : `${literal(last)}::${cast(type)}`
    return form.order(`coalesce((${bound} ->> ${at})::${cast(type)}, ${most})`)
  })
}

function conditionOf(conditions: readonly string[]): string {
  return conditions.length === 0 ? '' : ` where ${conditions.join(' and ')}`
}
