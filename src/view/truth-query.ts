/**
 * The question whose answer a view must equal, in the words of the source database.
 *
 * A page is asked for by one statement for the owning rows and one for each count; `readTruth`
 * puts the answers together. Joined in SQL they would cost the source twice as much. The statements
 * see one moment only if one snapshot serves them all.
 */
import type { ColumnType } from '../change.ts'
import { sqlTimestamptz } from '../timestamptz.ts'
import { arrayLiteral, identifier, literal, tableName } from './sql-text.ts'
import type { Count, View } from './view.ts'

export type PageLimits = {
  /** Owning rows of a page. */
  readonly keysMax: number
  /** Rows of one table that are counted for a page, unless one key alone has more. */
  readonly rowsMax: number
}

/** `statements` begin with those whose rows `readTruth` takes, in its order. */
export type TruthQuery = {
  /** Run before the others, in the same transaction. */
  readonly prelude: readonly string[]
  /** The owning rows, then each count. */
  readonly statements: readonly string[]
  /** Undefined for a page of given keys. */
  readonly limits: PageLimits | undefined
}

/**
 * The keys that follow `after`, or the first ones. Text keys are ordered by their bytes, which is
 * the same everywhere; a large table wants indexes with `collate "C"` for that.
 */
export function rangeQuery(view: View, after: string | undefined, limits: PageLimits): TruthQuery {
  const start = after === undefined ? undefined : keyLiteral(view, after)
  const where = (column: string) => (start === undefined ? [] : [`${column} > ${start}`])
  const owner = ordered(view, view.row.key)
  const from = `from ${tableName(view.row.table)}`
  const condition = conditionOf(where(owner))
  const page = `${from}${condition} order by ${owner}`
  return {
    prelude: [
      // The last owning row bounds what is counted. '=' tells an empty key from none.
      `select set_config('millrace.bound', coalesce((select '=' || ${identifier(view.row.key)}` +
        ` ${page} offset ${limits.keysMax - 1} limit 1), ''), true)`,
    ],
    statements: [
      ownerSelect(view, `${page} limit ${limits.keysMax}`),
      ...view.counts.map((count) => countedRange(view, count, { where, limits })),
    ],
    limits,
  }
}

/** Keys that can't be one of the view's are not asked for. */
export function keysQuery(view: View, keys: readonly string[]): TruthQuery {
  const array = keyArray(view, keys)
  const owner = identifier(view.row.key)
  const page =
    `from ${tableName(view.row.table)} where ${owner} = any(${array}) ` +
    `order by ${ordered(view, view.row.key)} limit ${keys.length}`
  return {
    prelude: [],
    statements: [
      ownerSelect(view, page),
      ...view.counts.map(({ table, by }) => {
        const column = identifier(by)
        const rows = `select ${column} as key from ${tableName(table)} where ${column} = any(${array})`
        return countSelect(view, groupsSql(view, rows), 'null')
      }),
    ],
    limits: undefined,
  }
}

/**
 * Of these keys, those whose owning row's version was made by a transaction before `since`, its id
 * in 64 bits. Ages are counted modulo 2^32, so an id that is too far away proves nothing; a version
 * that is older than the ids that can be compared is frozen, and passes for young at worst.
 */
export function settledQuery(view: View, keys: readonly string[], since: bigint): string {
  const column = identifier(view.row.key)
  const id = `${literal(String(BigInt.asUintN(32, since)))}::xid`
  const next = 'pg_snapshot_xmax(pg_current_snapshot())::text::numeric'
  return [
    `select ${column}::text from ${tableName(view.row.table)}`,
    `where ${column} = any(${keyArray(view, keys)})`,
    `and ${next} - ${since} between 0 and 2000000000`,
    `and age(xmin) > age(${id})`,
  ].join(' ')
}

/** Ascending, as the answers are. */
export function compareKeys(type: ColumnType, a: string, b: string): number {
  if (type !== 'bigint') return Buffer.compare(Buffer.from(a), Buffer.from(b))
  if (a.startsWith('-') || b.startsWith('-')) return sign(BigInt(a), BigInt(b))
  return a.length - b.length || sign(a, b)
}

function sign<T extends bigint | string>(a: T, b: T): number {
  return Number(a > b) - Number(a < b)
}

/**
 * Key and the owning row's part of the entry's text. `page` ends in a limit, which keeps what is
 * selected from being computed twice.
 */
function ownerSelect(view: View, page: string): string {
  const { row } = view
  const fields = row.fields.map(
    ({ column, type }, i) => `${fieldText(identifier(column), type)} as f${i}`,
  )
  const cells = ['o.key::text', ...row.fields.map((_, i) => `f${i}`)].map(
    (text) => `coalesce(octet_length(${text}) || ':' || ${text}, '-')`,
  )
  const inner = [`${ordered(view, row.key)} as key`, ...fields].join(', ')
  return `select o.key::text, '+' || ${cells.join(' || ')} from (select ${inner} ${page}) o order by o.key`
}

/** `rows` select a `key` each. */
function groupsSql({ key }: View, rows: string): string {
  const order = key.type === 'text' ? 'key collate "C"' : 'key'
  return `select key, count(*) as amount from (${rows}) r group by key order by ${order}`
}

/** Keys in their order, the number of rows of each, their sum, and `whole`. */
function countSelect({ key }: View, groups: string, whole: string): string {
  const keys = key.type === 'bigint' ? `string_agg(key::text, ',')` : 'json_agg(key)'
  return `select ${keys}, string_agg(amount::text, ','), sum(amount)::float8, ${whole} from (${groups}) c`
}

type RangeParts = {
  readonly where: (column: string) => readonly string[]
  readonly limits: PageLimits
}

/**
 * At most `rowsMax` rows and about twice `keysMax` keys, for there may be any number of keys without
 * an owning row. Where one key alone has more rows than that, `whole` says how many.
 */
function countedRange(view: View, { table, by }: Count, { where, limits }: RangeParts): string {
  const column = ordered(view, by)
  const source = tableName(table)
  const conditions = [...where(column), `${column} <= ${bound(view, column, source)}`]
  const rows =
    `select ${column} as key from ${source}${conditionOf(conditions)} ` +
    `order by ${column} limit ${limits.rowsMax}`
  const all = `(select count(*)::text from ${source} where ${column} = min(c.key))`
  const whole = `case when count(*) = 1 and sum(amount) >= ${limits.rowsMax} then ${all} end`
  return countSelect(view, `${groupsSql(view, rows)} limit ${groupsMax(limits)}`, whole)
}

export function groupsMax({ keysMax }: PageLimits): number {
  return keysMax * 2
}

/** The last owning row's key, or all that is greater where the page has the last owning rows. */
function bound(view: View, column: string, source: string): string {
  const key = `substr(nullif(current_setting('millrace.bound'), ''), 2)`
  if (view.key.type === 'bigint') return `coalesce(${key}::bigint, 9223372036854775807)`
  return `coalesce(${key}, (select max(${column}) from ${source})) collate "C"`
}

function conditionOf(conditions: readonly string[]): string {
  return conditions.length === 0 ? '' : ` where ${conditions.join(' and ')}`
}

function ordered({ key }: View, column: string): string {
  return key.type === 'text' ? `(${identifier(column)} collate "C")` : identifier(column)
}

function fieldText(column: string, type: ColumnType): string {
  return type === 'timestamptz' ? sqlTimestamptz(column) : `${column}::text`
}

function keyLiteral(view: View, key: string): string {
  if (!canBeKey(view, key)) throw new Error(`${JSON.stringify(key)} is no key of ${view.name}`)
  return view.key.type === 'bigint' ? `${literal(key)}::bigint` : `${literal(key)}::text`
}

function keyArray(view: View, keys: readonly string[]): string {
  const possible = keys.filter((key) => canBeKey(view, key))
  return `${arrayLiteral(possible)}::${view.key.type === 'bigint' ? 'bigint' : 'text'}[]`
}

/** Whether the source could answer this very text as a key; `01` for example it writes as `1`. */
function canBeKey({ key }: View, text: string): boolean {
  if (key.type !== 'bigint') return text.isWellFormed() && !text.includes('\0')
  return /^(0|-?[1-9]\d{0,18})$/.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text)
}
