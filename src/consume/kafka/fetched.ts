import type { LogRecord } from '../../change.ts'
import { advance, type KafkaOffset } from '../../position.ts'
import type { Batch } from '../change-source.ts'
import type { Fetched } from './fetch-request.ts'
import type { RawMessage } from './kafkajs-internals.ts'

/**
 * What a fetch at `from` means: batches that chain from `from` to behind its last record, control
 * records counted, each with at most `recordsMax` committed records. Empty when the fetch was.
 */
export function batchesOf(fetched: Fetched, from: KafkaOffset, recordsMax: number): Batch[] {
  const last = fetched.messages.at(-1)
  if (!last) return []
  const next = advance(BigInt(last.offset) as KafkaOffset)
  // A reader that would fetch the same again, for ever, must not stand there in silence.
  if (next <= from) throw new Error(`a fetch at ${from} ended before it, at ${next}`)
  const records = committed(fetched, from)
  const batches: Batch[] = []
  let at = from
  for (let index = 0; index < records.length; index += recordsMax) {
    const piece = records.slice(index, index + recordsMax)
    const until = index + recordsMax < records.length ? advance(piece.at(-1)!.offset) : next
    batches.push({ from: at, next: until, records: piece })
    at = until
  }
  return batches.length > 0 ? batches : [{ from, next, records: [] }]
}

/** Data records at or above `from` whose transaction, if they have one, was not aborted. */
function committed(fetched: Fetched, from: KafkaOffset): LogRecord[] {
  const isAborted = abortedFilter(fetched)
  const records: LogRecord[] = []
  for (const message of fetched.messages) {
    if (isAborted(message) || message.isControlRecord) continue
    const offset = BigInt(message.offset) as KafkaOffset
    if (offset < from) continue
    const { key, value, batchContext } = message
    const { inTransaction } = batchContext
    records.push({ offset, timestampMs: Number(message.timestamp), key, value, inTransaction })
  }
  return records
}

/**
 * The broker lists aborted transactions in the order of their ends, while they begin in any order;
 * two of them may have begun before the fetch does. kafkajs' own filter minds neither.
 */
function abortedFilter(fetched: Fetched): (message: RawMessage) => boolean {
  const begun = fetched.abortedTransactions.toSorted(({ firstOffset: a }, { firstOffset: b }) =>
    a < b ? -1 : a > b ? 1 : 0,
  )
  if (begun.length === 0) return () => false
  const aborting = new Set<string>()
  return ({ offset, key, isControlRecord, batchContext }) => {
    while (begun[0] && begun[0].firstOffset <= BigInt(offset))
      aborting.add(begun.shift()!.producerId)
    const { producerId, inTransaction } = batchContext
    if (isControlRecord && isAbortMarker(key)) aborting.delete(producerId)
    return !isControlRecord && inTransaction && aborting.has(producerId)
  }
}

/** A control record's key is a version and a type of two bytes each; type 0 is an abort. */
function isAbortMarker(key: Buffer | null): boolean {
  return key !== null && key.length >= 4 && key.readInt16BE(2) === 0
}
