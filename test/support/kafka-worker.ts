import type {
  Batch,
  ChangeLog,
  ChangeSource,
  PartitionReader,
} from '../../src/consume/change-source.ts'
import { withLogReader as withReaderOf } from '../../src/consume/log-reader.ts'
import { MillraceError } from '../../src/errors.ts'
import type { KafkaOffset } from '../../src/position.ts'

/** What a store would keep: where each partition stands, and what came from it, in order. */
export class Progress {
  readonly next = new Map<number, KafkaOffset>()
  readonly values = new Map<number, string[]>()
  readonly offsets = new Map<number, bigint[]>()
  readonly faults: string[] = []

  /** Compare-and-set: a batch that was fetched anywhere else changes nothing. */
  take(partition: number, batch: Batch): boolean {
    const expected = this.next.get(partition) ?? 0n
    if (batch.from !== expected) {
      this.faults.push(`partition ${partition}: a batch from ${batch.from}, not ${expected}`)
      return false
    }
    for (const { value, offset } of batch.records) {
      append(this.values, partition, Buffer.from(value ?? '').toString())
      append(this.offsets, partition, offset)
    }
    this.next.set(partition, batch.next)
    return true
  }

  count(): number {
    return [...this.values.values()].reduce((sum, values) => sum + values.length, 0)
  }
}

export type TestWorker = {
  /** Partitions that are being read now. */
  readonly partitions: ReadonlySet<number>
  /** How often a partition was given. */
  readonly given: () => number
  readonly ended: Promise<void>
  stop(): Promise<void>
}

/** The loop of a worker, over `progress` in place of a store. */
export function startWorker(
  source: ChangeSource,
  progress: Progress,
  pause: (batch: Batch) => Promise<void> = async () => undefined,
): TestWorker {
  const stop = new AbortController()
  const partitions = new Set<number>()
  let given = 0
  const own = async (reader: PartitionReader) => {
    const { partition } = reader.partition
    given += 1
    partitions.add(partition)
    reader.seek(progress.next.get(partition) ?? (0n as KafkaOffset))
    while (!reader.lost.aborted) {
      const batch = await nextOrFailed(reader)
      // The log of these tests stays the same, so that there is nothing to prove.
      if (batch === 'failed') reader.seek(progress.next.get(partition) ?? (0n as KafkaOffset))
      if (!batch || batch === 'failed') continue
      await pause(batch)
      // Another worker may have gone on meanwhile: then this one goes to where that stands.
      if (progress.take(partition, batch)) reader.note(batch.next)
      else reader.seek(progress.next.get(partition) ?? (0n as KafkaOffset))
    }
    partitions.delete(partition)
  }
  const ended = source.run(own, stop.signal)
  ended.catch(() => undefined)
  return {
    partitions,
    given: () => given,
    ended,
    stop: () => {
      stop.abort()
      return ended
    },
  }
}

async function nextOrFailed(reader: PartitionReader): Promise<Batch | undefined | 'failed'> {
  try {
    return await reader.next(200)
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'fetch-failed') return 'failed'
    throw error
  }
}

/** Runs `work` with a reader of partition 0 of the topic, and ends it. */
export function withLogReader<T>(
  changeLog: ChangeLog,
  topic: string,
  work: (reader: PartitionReader) => Promise<T>,
): Promise<T> {
  const { signal } = new AbortController()
  return withReaderOf(changeLog, { partition: { topic, partition: 0 }, signal }, work)
}

/** Runs `work` with the reader of partition 0, and ends the source. */
export async function withReader<T>(
  source: ChangeSource,
  work: (reader: PartitionReader) => Promise<T>,
): Promise<T> {
  const stop = new AbortController()
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const own = async (reader: PartitionReader) => {
    if (reader.partition.partition === 0) await work(reader).then(resolve, reject)
  }
  const running = source.run(own, stop.signal)
  running.catch(reject)
  try {
    return await promise
  } finally {
    stop.abort()
    await running
  }
}

/** Batches from `offset` until one ends at the partition's high watermark. */
export async function readToEnd(reader: PartitionReader, offset = 0n): Promise<Batch[]> {
  const { end } = await reader.bounds()
  reader.seek(offset as KafkaOffset)
  const batches: Batch[] = []
  const deadlineMs = Date.now() + 20_000
  while ((batches.at(-1)?.next ?? offset) < end) {
    if (Date.now() > deadlineMs) throw new Error(`stands at ${batches.at(-1)?.next}, not at ${end}`)
    const batch = await reader.next(500)
    if (batch) batches.push(batch)
  }
  return batches
}

export function valuesOf(batches: readonly Batch[]): string[] {
  return batches.flatMap(({ records }) => records.map((r) => Buffer.from(r.value ?? '').toString()))
}

function append<T>(lists: Map<number, T[]>, key: number, value: T): void {
  const list = lists.get(key)
  if (list) list.push(value)
  else lists.set(key, [value])
}
