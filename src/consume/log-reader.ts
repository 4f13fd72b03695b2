import type { TopicPartition } from '../position.ts'
import type { ChangeLog, PartitionReader } from './change-source.ts'

/**
 * Reads a partition for as long as `work` does, or until `signal` aborts. A reader that nobody ends
 * goes on: it keeps a connection of its own, and fetches ahead of a caller who does not come again.
 */
export async function withLogReader<T>(
  changeLog: Pick<ChangeLog, 'reader'>,
  { partition, signal }: { readonly partition: TopicPartition; readonly signal: AbortSignal },
  work: (reader: PartitionReader) => Promise<T>,
): Promise<T> {
  const done = new AbortController()
  try {
    return await work(changeLog.reader(partition, AbortSignal.any([signal, done.signal])))
  } finally {
    done.abort()
  }
}
