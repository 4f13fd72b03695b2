import type { LogRecord } from '../change.ts'
import type { KafkaOffset } from '../position.ts'
import type { PartitionReader } from './change-source.ts'

const readTimeoutMs = 1_000

/**
 * Records from `from` up to, without, `target`, in turns; a turn without records is one in which
 * nothing came, so that the caller can look around. Ends early when the partition is lost.
 */
export async function* recordsBelow(
  reader: PartitionReader,
  from: KafkaOffset,
  target: KafkaOffset,
): AsyncGenerator<{ readonly position: KafkaOffset; readonly records: readonly LogRecord[] }> {
  let position = from
  reader.seek(position)
  while (position < target && !reader.lost.aborted) {
    const batch = await reader.next(readTimeoutMs)
    if (batch && batch.from !== position) reader.seek(position)
    const taken = batch?.from === position ? batch : undefined
    if (taken) position = taken.next
    const records = taken?.records ?? []
    yield { position, records: records.filter(({ offset }) => offset < target) }
  }
}
