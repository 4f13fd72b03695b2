import { unavailableValue, type Change, type Decoded, type Row, type Value } from '../change.ts'
import { MillraceError } from '../errors.ts'
import { lsnFromInteger, type Lsn } from '../position.ts'
import type { AvroRow, Envelope, ProjectedColumn, Projection } from './projection.ts'
import { canonicalTimestamp } from './timestamp.ts'

export type EnvelopeContext = {
  readonly table: string
  readonly key: Row
}

/**
 * What an envelope says happened to the row. Throws `debezium-too-old` for a source connector that
 * is known to lose rows.
 */
export function interpret(
  envelope: Envelope,
  projection: Projection,
  context: EnvelopeContext,
): Decoded {
  const { before, after, op, source } = envelope
  if (!isAccepted(source.version)) {
    return undecodable(`the envelope has no version of Debezium: '${source.version.slice(0, 50)}'`)
  }
  if (source.lsn === null) return undecodable('the envelope has no position (source.lsn)')
  const lsn = lsnFromInteger(BigInt.asUintN(64, BigInt(source.lsn)))
  const common = { table: context.table, key: context.key, lsn }
  switch (op) {
    case 'c':
    case 'r': {
      if (!after) return undecodable(`op '${op}' without a row after it`)
      const row = rowOf(after, projection.columns)
      if (typeof row === 'string') return undecodable(row)
      return changed({ kind: op === 'c' ? 'insert' : 'read', ...common, after: row })
    }
    case 'u': {
      if (!after) return undecodable(`op 'u' without a row after it`)
      return updated(common, { before, after }, projection)
    }
    case 'd': {
      const earlier = earlierRow(before, projection)
      if (typeof earlier === 'string') return undecodable(earlier)
      return changed({ kind: 'delete', ...common, before: earlier })
    }
    case 't':
      return { kind: 'unusable', reason: `TRUNCATE of ${context.table}`, lsn }
    default:
      return undecodable(`op '${op}' is none of a row's`)
  }
}

type Common = { readonly table: string; readonly key: Row; readonly lsn: Lsn }

/** Inserts and snapshots always come whole; an update alone may leave out long text. */
function updated(
  common: Common,
  { before, after }: { readonly before: AvroRow | null; readonly after: AvroRow },
  projection: Projection,
): Decoded {
  const row = rowOf(after, projection.columns)
  if (typeof row === 'string') return undecodable(row)
  const earlier = earlierRow(before, projection)
  if (typeof earlier === 'string') return undecodable(earlier)
  const missing = projection.columns.find(({ column }) => row[column] === unavailableValue)
  if (missing) {
    return {
      kind: 'unusable',
      reason: `update of ${common.table} came without the unchanged value of ${missing.column}`,
      lsn: common.lsn,
    }
  }
  return changed({ kind: 'update', ...common, before: earlier, after: row })
}

/** Undefined where `before` is missing or does not give what is needed. */
function earlierRow(
  before: AvroRow | null,
  { earlier, isGiven }: Projection,
): Row | string | undefined {
  return before && isGiven(before) ? rowOf(before, earlier) : undefined
}

/** The row in the view's terms, or the reason why it can't be. */
function rowOf(values: AvroRow, columns: readonly ProjectedColumn[]): Row | string {
  const row: Record<string, Value> = {}
  for (const { column, avroName, type } of columns) {
    const value = values[avroName] as bigint | number | string | null
    if (value === null || typeof value === 'bigint') row[column] = value
    else if (typeof value === 'number') row[column] = BigInt(value)
    else if (type === 'text') row[column] = value
    else {
      const canonical = canonicalTimestamp(value)
      if (canonical === undefined) {
        return `column ${column} holds no timestamp: '${value.slice(0, 50)}'`
      }
      row[column] = canonical
    }
  }
  return row
}

const oldestVersion = [3, 7, 0] as const
const accepted = new Set<string>()

/** False for text that is no version at all; throws for one that is too old. */
function isAccepted(version: string): boolean {
  if (accepted.has(version)) return true
  const match = /^(\d{1,6})\.(\d{1,6})\.(\d{1,6})(?:[.-](\w{1,40}))?$/.exec(version)
  if (!match) return false
  if (isTooOld(match)) {
    throw new MillraceError(
      'debezium-too-old',
      `Debezium ${version} wrote this change; before 3.7.0.Final it loses rows when it restarts`,
      {
        hint: 'Run Debezium 3.7.0.Final or newer, make the topics anew by a new snapshot, and rebuild.',
      },
    )
  }
  // Real chains show a handful; bytes made to look like many must not fill the memory.
  if (accepted.size < 100) accepted.add(version)
  return true
}

function isTooOld(match: RegExpExecArray): boolean {
  for (const [at, oldest] of oldestVersion.entries()) {
    const part = Number(match[at + 1])
    if (part !== oldest) return part < oldest
  }
  return /^(alpha|beta|cr|rc|snapshot)/i.test(match[4] ?? '')
}

function changed(change: Change): Decoded {
  return { kind: 'change', change }
}

function undecodable(reason: string): Decoded {
  return { kind: 'undecodable', reason }
}
