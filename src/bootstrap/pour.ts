import type { Mutation } from '../mutation.ts'
import type { Checkpoint, ParkedRecord } from '../store/store.ts'
import type { BootstrapParts } from './bootstrap.ts'
import { MillraceError } from '../errors.ts'
import type { RowTable } from './row-table.ts'

/**
 * Adds a partition's sums to the view in calls of at most `entriesPerPourMax` entries. Each moves
 * the checkpoint by compare-and-set, the last one turns it live. A call that conflicts, or whose
 * reply is lost, leaves a checkpoint that says how far the pour came; whoever finds it so ends the
 * generation.
 */
export async function pour(
  parts: BootstrapParts,
  rows: RowTable,
  checkpoint: Checkpoint,
): Promise<void> {
  const { writer, generation, reader, log } = parts
  const parked = parkedRecords(parts, rows)
  let poured = 0
  let entries = 0
  for await (const [mutations, last] of chunks(rows.mutations(), parts.entriesPerPourMax)) {
    if (reader.lost.aborted) return
    const result = await writer.pour({
      generation: generation.id,
      partition: reader.partition,
      poured,
      to: { ...checkpoint, phase: last ? 'live' : 'pouring', poured: poured + 1 },
      mutations,
      parked: last ? parked : [],
    })
    if (result.kind === 'conflict') {
      log.warn({ poured, found: result.found?.poured }, 'conflict while pouring: another one works')
      return
    }
    poured += 1
    entries += mutations.length
  }
  log.info({ entries, calls: poured, parked: parked.length }, 'poured: changes apply from here')
}

/** Chunks of `size`, at least one, each told whether it is the last. */
async function* chunks(
  mutations: AsyncIterable<Mutation>,
  size: number,
): AsyncGenerator<readonly [readonly Mutation[], boolean]> {
  let chunk: Mutation[] = []
  for await (const mutation of mutations) {
    if (chunk.length === size) {
      yield [chunk, false]
      chunk = []
    }
    chunk.push(mutation)
  }
  yield [chunk, true]
}

function parkedRecords({ reader, parkedMax }: BootstrapParts, rows: RowTable): ParkedRecord[] {
  const parked = rows.undecodable(parkedMax + 1).map(({ record, reason }): ParkedRecord => ({
    partition: reader.partition,
    ...record,
    phase: 'pour',
    reason,
  }))
  if (parked.length <= parkedMax) return parked
  const { topic, partition } = reader.partition
  throw new MillraceError(
    'parked-full',
    `${topic}/${partition} holds more than ${parkedMax} rows that can't be decoded, the first at offset ` +
      `${parked[0]!.offset}: ${parked[0]!.reason}`,
    { hint: 'At most MILLRACE_PARKED_PER_PARTITION_MAX are parked. Mend what writes them.' },
  )
}
