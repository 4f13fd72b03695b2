import { MillraceError } from '../errors.ts'
import { parseLsn } from '../position.ts'
import { tableName } from '../view/sql-text.ts'
import { itemRangeQuery, itemsQuery, readItems } from '../view/truth-items.ts'
import { readTruth } from '../view/truth-page.ts'
import { keysQuery, rangeQuery } from '../view/truth-query.ts'
import { tablesOf, type View } from '../view/view.ts'
import {
  activityStatements,
  lockersStatement,
  pendingOf,
  readActivity,
  withoutBystanders,
  type Pending,
} from './horizon.ts'
import { beginDurably, markerSql } from './marker.ts'
import { momentColumns, readMoment } from './moment.ts'
import { fingerprintSql, type Capture } from './setup-fingerprint.ts'
import type { Rows, SourceDatabase } from './source-database.ts'
import type { ItemPage, ItemTruth, Moment, Page, Truth } from './source.ts'

export type TruthOptions = {
  readonly capture: Capture
  /** How long the tables' locks are waited for, while others queue behind. */
  readonly lockTimeoutMs: number
  readonly statementTimeoutMs: number
  /** Rows of one table that are counted for a range, unless one key alone has more. */
  readonly rowsMax: number
}

export type TruthQuestion = {
  readonly view: View
  readonly page: Page
  readonly marker: string
}

export type ItemQuestion = Omit<TruthQuestion, 'page'> & { readonly page: ItemPage }

export async function askTruth(
  database: SourceDatabase,
  { view, page, marker }: TruthQuestion,
  options: TruthOptions,
): Promise<Truth> {
  const query =
    page.kind === 'range'
      ? rangeQuery(view, page.after, { ...page, rowsMax: options.rowsMax }, page.keepFrom)
      : keysQuery(view, page.keys)
  const asked = { tables: tablesOf(view), marker, ...query }
  const { answers, ...moment } = await askAtOnce(database, asked, options)
  return { ...moment, ...readTruth(view, query, answers) }
}

export async function askItemTruth(
  database: SourceDatabase,
  { view, page, marker }: ItemQuestion,
  options: TruthOptions,
): Promise<ItemTruth> {
  const statement =
    page.kind === 'range' ? itemRangeQuery(view, page, page) : itemsQuery(view, page, page.items)
  const asked = { tables: tablesOf(view), marker, prelude: [], statements: [statement] }
  const { answers, ...moment } = await askAtOnce(database, asked, options)
  const { amounts, rows, last } = readItems(view, page.tally, answers[0]!)
  if (page.kind === 'range') {
    return { ...moment, amounts, rows, last: answers[0]!.length < page.itemsMax ? undefined : last }
  }
  const wanted = new Set(page.items)
  const found = new Map([...amounts].filter(([item]) => wanted.has(item)))
  return { ...moment, amounts: found, rows, last: undefined }
}

type Asked = {
  readonly tables: readonly string[]
  readonly prelude: readonly string[]
  readonly statements: readonly string[]
  readonly marker: string
}

type Answered = Omit<Truth, 'entries' | 'rows' | 'last'> & { readonly answers: Rows[] }

/**
 * Asked in one message: locks, snapshot and statements in one transaction, then the marker in
 * another, which also asks who is in the middle of a transaction.
 */
async function askAtOnce(
  database: SourceDatabase,
  { tables, prelude, statements, marker }: Asked,
  options: TruthOptions,
): Promise<Answered> {
  const fingerprint = fingerprintSql(tables, options.capture)
  const groups = await database.runGroups([
    beginLocked(tables, options),
    [`select ${momentColumns}, ${fingerprint}, current_setting('server_encoding')`],
    prelude,
    statements,
    ['commit', ...beginDurably, `select ${markerSql(marker)}`],
    activityStatements,
    ['commit'],
  ])
  const [, [moments], , answers, marked, activity] = groups as [
    Rows[],
    [[unknown[]]],
    Rows[],
    Rows[],
    Rows[],
    Rows[],
  ]
  const [momentRow] = moments
  const [setup, encoding] = momentRow.slice(-2) as [string, string]
  refuseEncoding(encoding)
  const moment = { ...readMoment(momentRow), setup }
  const pending = pendingOf(moment.snapshot, readActivity(activity))
  const concerning = isOld(pending, moment) ? await narrowed(database, tables, pending) : pending
  return {
    ...moment,
    answers,
    markerLsn: parseLsn(marked.at(-1)![0]![0] as string),
    horizon: concerning[0]?.id ?? moment.snapshot.xmax,
    heldBackBy: concerning.flatMap(({ holder }) => holder?.words ?? []).slice(0, namedMax),
  }
}

const namedMax = 10

/**
 * TRUNCATE and rewritten tables don't respect an older snapshot, so the locks come first; neither
 * LOCK nor SET takes a snapshot.
 */
function beginLocked(
  tables: readonly string[],
  { lockTimeoutMs, statementTimeoutMs }: TruthOptions,
): readonly string[] {
  return [
    'begin isolation level repeatable read, read only',
    // Rows that a policy would hide are an error instead.
    'set local row_security = off',
    `set local lock_timeout = ${lockTimeoutMs}`,
    `set local statement_timeout = ${statementTimeoutMs}`,
    // A page is small: compiling its queries, or workers for them, would cost more than they save.
    'set local jit = off',
    'set local max_parallel_workers_per_gather = 0',
    // Below 1, numbers of floating point would be rounded.
    'set local extra_float_digits = 1',
    `lock table ${tables.map(tableName).join(', ')} in access share mode`,
  ]
}

/** What is younger holds back little, and to list locks is not free for the source. */
const youngMs = 2_000
const youngTransactions = 1_000n

function isOld(pending: readonly Pending[], { snapshot, nowMs }: Moment): boolean {
  return pending.some(
    ({ id, holder }) =>
      snapshot.xmax - id > youngTransactions || nowMs - (holder?.sinceMs ?? nowMs) > youngMs,
  )
}

/** Leaves out the transactions that have nothing to do with the tables. */
async function narrowed(
  database: SourceDatabase,
  tables: readonly string[],
  pending: readonly Pending[],
): Promise<readonly Pending[]> {
  const [, [lockers], activity] = (await database.runGroups([
    ['begin isolation level read committed, read only'],
    [lockersStatement(tables)],
    activityStatements,
    ['commit'],
  ])) as [Rows[], [Rows], Rows[]]
  return withoutBystanders(pending, lockers, readActivity(activity))
}

/** The entries' texts tell lengths in bytes of UTF-8. */
function refuseEncoding(encoding: string): void {
  if (encoding === 'UTF8') return
  throw new MillraceError('source-unfit', `the source database is encoded in ${encoding}`, {
    hint: 'Views are compared byte by byte in UTF8: move the tables to a database of that encoding.',
  })
}
