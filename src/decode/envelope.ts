import type { Change, Decoded, Row, Value } from '../change.ts'
import { judgeDebezium, oldestDebezium } from '../debezium-version.ts'
import { MillraceError } from '../errors.ts'
import { lsnFromInteger, type Lsn } from '../position.ts'
import type { AvroRow, Envelope, ProjectedColumn, Projection } from './projection.ts'

export type EnvelopeContext = {
  readonly table: string
  readonly key: Row
  /** What the connector writes for a long text that did not change and that the log does not hold. */
  readonly placeholder: string
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
  const { table, key } = context
  const common = { table, key, lsn }
  const transaction = source.txId === null ? undefined : Number(source.txId)
  if (op === 'r') return read(common, envelope, projection)
  if (op === 't') return { kind: 'unusable', reason: `TRUNCATE of ${table}`, transaction }
  if (transaction === undefined) {
    return undecodable('the envelope names no transaction (source.txId)')
  }
  const streamed = { ...common, transaction }
  switch (op) {
    case 'c': {
      if (!after) return undecodable(`op 'c' without a row after it`)
      const row = rowOf(after, projection.columns)
      if (typeof row === 'string') return undecodable(row)
      return changed({ kind: 'insert', ...streamed, after: row })
    }
    case 'u': {
      if (!after) return undecodable(`op 'u' without a row after it`)
      return updated(streamed, { before, after }, { projection, ...context })
    }
    case 'd': {
      const earlier = earlierRow(before, projection)
      if (typeof earlier === 'string') return undecodable(earlier)
      return changed({ kind: 'delete', ...streamed, before: earlier })
    }
    default:
      return undecodable(`op '${op}' is none of a row's`)
  }
}

type Common = { readonly table: string; readonly key: Row; readonly lsn: Lsn }
type Streamed = Common & { readonly transaction: number }

function read(common: Common, { after, source }: Envelope, projection: Projection): Decoded {
  if (!after) return undecodable(`op 'r' without a row after it`)
  const row = rowOf(after, projection.columns)
  if (typeof row === 'string') return undecodable(row)
  const incremental = source.snapshot === 'incremental'
  return changed({ kind: 'read', ...common, after: row, incremental })
}

/** Inserts and snapshots always come whole; an update alone may leave out long text. */
function updated(
  streamed: Streamed,
  { before, after }: { readonly before: AvroRow | null; readonly after: AvroRow },
  { projection, placeholder }: { readonly projection: Projection; readonly placeholder: string },
): Decoded {
  const missing = projection.columns.find(({ avroName }) =>
    isPlaceholder(after[avroName], placeholder),
  )
  if (missing) {
    const { table, transaction } = streamed
    const reason = `update of ${table} came without the unchanged value of ${missing.column}`
    return { kind: 'unusable', reason, transaction }
  }
  const row = rowOf(after, projection.columns)
  if (typeof row === 'string') return undecodable(row)
  const earlier = earlierRow(before, projection)
  if (typeof earlier === 'string') return undecodable(earlier)
  return changed({ kind: 'update', ...streamed, before: earlier, after: row })
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
  for (const { column, avroName, type, read: valueOf } of columns) {
    const value = values[avroName]
    if (value === null) {
      row[column] = null
      continue
    }
    const known = valueOf(value)
    if (known === undefined) return `column ${column} holds no ${type}: ${said(value)}`
    row[column] = known
  }
  return row
}

function said(value: unknown): string {
  return `'${(Array.isArray(value) ? 'an array' : String(value)).slice(0, 50)}'`
}

/** Whether the connector wrote this because it was not given an unchanged long value. */
function isPlaceholder(value: unknown, placeholder: string): boolean {
  if (typeof value === 'string') return value === placeholder
  if (value instanceof Uint8Array) return Buffer.from(value).equals(Buffer.from(placeholder))
  if (!Array.isArray(value) || value.length === 0) return false
  const [first] = value as readonly unknown[]
  if (typeof first !== 'number' && typeof first !== 'bigint') {
    return value.length === 1 && isPlaceholder(first, placeholder)
  }
  // Arrays of numbers hold its bytes.
  const bytes = [...Buffer.from(placeholder)]
  return value.length === bytes.length && value.every((item, at) => Number(item) === bytes[at])
}

const accepted = new Set<string>()

/** False for text that is no version at all; throws for one that is too old. */
function isAccepted(version: string): boolean {
  if (accepted.has(version)) return true
  const judged = judgeDebezium(version)
  if (judged === 'too old') {
    throw new MillraceError(
      'debezium-too-old',
      `Debezium ${version} wrote this change; before ${oldestDebezium} it loses rows when it restarts`,
      {
        hint: `Run Debezium ${oldestDebezium} or newer: the partition goes on then, and the view is compared.`,
      },
    )
  }
  // Real chains show a handful; bytes made to look like many must not fill the memory.
  if (judged === 'good' && accepted.size < 100) accepted.add(version)
  return judged === 'good'
}

function changed(change: Change): Decoded {
  return { kind: 'change', change }
}

function undecodable(reason: string): Decoded {
  return { kind: 'undecodable', reason }
}
