/**
 * The question whose answer a view must equal, in the words of the source database.
 *
 * A page is asked for by one statement for the owning rows, if there are any, and one for each group
 * of counts or tallies of the same rows; `readTruth` puts the answers together. Joined in SQL they would cost the
 * source twice as much. The statements see one moment only if one snapshot serves them all.
 */
import type { KeepBound } from '../keep.ts'
import { typeOf } from '../types/types.ts'
import { countGroups, tallyGroups } from './row-groups.ts'
import { identifier, literal, tableName } from './sql-text.ts'
import { countedKeys, countedRange } from './truth-counts.ts'
import {
  belongsSql,
  inOrder,
  keptSql,
  keyLiterals,
  ordered,
  partTexts,
  rowSql,
  spelledSql,
} from './truth-keys.ts'
import { aliased, conditionOf, keyNames, type PageLimits, type Range } from './truth-rows.ts'
import { talliedKeys, talliedRange } from './truth-tallies.ts'
import type { OwningRow, View } from './view.ts'

export { groupsMax, type PageLimits } from './truth-rows.ts'

/** `statements` begin with those whose rows `readTruth` takes, in its order. */
export type TruthQuery = {
  /** Run before the others, in the same transaction. */
  readonly prelude: readonly string[]
  /** The owning rows, if there are any, then each group of counts, then each group of tallies. */
  readonly statements: readonly string[]
  /** Undefined for a page of given keys. */
  readonly limits: PageLimits | undefined
}

/**
 * The keys that follow `after`, or the first ones. Text keys are ordered by their bytes, which is
 * the same everywhere; a large table wants indexes with `collate "C"` for that.
 * Rows below `keepFrom` are left out, which an index serves that has the time.
 */
export function rangeQuery(
  view: View,
  after: string | undefined,
  limits: PageLimits,
  keepFrom?: KeepBound,
): TruthQuery {
  const row = (parts: readonly string[]) => rowSql(inOrder(view, parts))
  const start = after === undefined ? undefined : row(keyLiterals(view, after))
  const where = (columns: readonly string[]) => [
    ...(start === undefined ? [] : [`${row(columns)} > ${start}`]),
    ...keptSql(view, columns, keepFrom),
  ]
  const range: Range = { where, limits }
  const counted = [
    ...countGroups(view).map((group) => countedRange(view, group, range)),
    ...tallyGroups(view).map((group) => talliedRange(view, group, range)),
  ]
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
  const counted = [
    ...countGroups(view).map((group) => countedKeys(view, group, keys)),
    ...tallyGroups(view).map((group) => talliedKeys(view, group, keys)),
  ]
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
