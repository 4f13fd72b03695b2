/**
 * What a partition goes through while this process owns it:
 *
 *   no generation ──► wait
 *   generation, no checkpoint ──► bootstrap ──► again
 *   checkpoint pouring ──► somebody died in the middle: mark, wait for the next generation
 *   checkpoint live ──► resume ──► tail ──► again
 *
 * Whatever goes wrong leads back to the top, where the store says how far it really is.
 */
import { backoff } from '../clock.ts'
import type { PartitionReader } from '../consume/change-source.ts'
import { describe, MillraceError, RebuildNeeded } from '../errors.ts'
import { park, tail, type ParkedOffsets } from '../pipeline.ts'
import { topicPartitionName } from '../position.ts'
import type { Checkpoint, Generation, ViewStore } from '../store/store.ts'
import { bootstrap, type BootstrapParts } from './bootstrap.ts'
import { resume } from './resume.ts'

export type PartitionParts = Omit<BootstrapParts, 'writer' | 'generation'> & {
  readonly store: ViewStore
  readonly identitiesMax: number
}

const idleCommitMsMax = 10_000
const pauseFirstMs = 200
const pauseMostMs = 15_000
const markAgainMs = 30_000

/** Keeps one partition of the view right until it is lost. Rejects on a bug only. */
export async function keepPartition(parts: PartitionParts): Promise<void> {
  const { reader, clock, log } = parts
  const pause = backoff(pauseFirstMs, pauseMostMs)
  const problem = new ReportedProblem(parts)
  while (!reader.lost.aborted) {
    const generation = await parts.watch.writable(reader.lost)
    if (!generation) return
    try {
      await step(parts, generation, async () => {
        pause.reset()
        await problem.clear()
      })
    } catch (error) {
      if (reader.lost.aborted) return
      if (!(error instanceof MillraceError)) throw error
      if (error instanceof RebuildNeeded && (await markForRebuild(parts, generation, error)))
        continue
      await problem.report(error)
      await clock.sleep(pause.nextMs(), reader.lost)
    }
  }
  log.debug('partition given back')
}

/** One way through the states; `moved` is called when something was applied. */
async function step(
  parts: PartitionParts,
  generation: Generation,
  moved: () => Promise<void>,
): Promise<void> {
  const { reader, store, watch, lagMs } = parts
  const name = topicPartitionName(reader.partition)
  refuseNewPartition(reader, generation)
  const checkpoint = (await store.writer.checkpoints(generation.id)).get(name)
  if (!checkpoint) {
    if (generation.phase === 'serving') {
      throw new RebuildNeeded('checkpoint-missing', `the checkpoint of ${name} is gone`)
    }
    await bootstrap({ ...parts, writer: store.writer, generation })
    return
  }
  if (checkpoint.phase === 'pouring') {
    throw new RebuildNeeded('pour-interrupted', `pouring ${name} ended in the middle`)
  }
  const identities = await resume(parts, checkpoint)
  if (reader.lost.aborted) return
  const parked = await parkedOf(parts, name)
  parts.log.info(startOf(checkpoint, identities.size), 'applying changes')
  await tail(
    {
      ...parts,
      writer: store.writer,
      generation,
      identities,
      parked,
      windowAt: (next) => watch.window(name, next),
      current: () => watch.generation?.id === generation.id,
      moved,
      idleCommitMs: Math.min(idleCommitMsMax, Math.ceil(lagMs / 4)),
    },
    checkpoint,
  )
}

function startOf(checkpoint: Checkpoint, identities: number) {
  return { next: checkpoint.next, windowFrom: checkpoint.windowFrom, identities }
}

/** More partitions than there were: the changes of one row now stand in two of them. */
function refuseNewPartition({ partition }: PartitionReader, { topics }: Generation): void {
  const known = topics[partition.topic] ?? 0
  if (partition.partition < known) return
  throw new MillraceError(
    'partitions-changed',
    `topic ${partition.topic} has more partitions than the ${known} that the view was built from`,
    { hint: 'Make the topics anew by a new snapshot of the source, then npm run rebuild.' },
  )
}

async function markForRebuild(
  { store, watch, reader, clock, log }: PartitionParts,
  generation: Generation,
  { code, message }: RebuildNeeded,
): Promise<boolean> {
  const mark = { code, reason: message, atMs: clock.wallMs() }
  try {
    // Where the generation is another one by now, there is nothing to mark.
    if (await store.writer.mark(generation.id, mark)) log.error(mark, 'view marked for rebuild')
  } catch {
    // The store is away: the same will be found again when it is back.
    return false
  }
  // A store that goes back may lose the mark, so the wait ends and the same is found again.
  const again = AbortSignal.any([reader.lost, AbortSignal.timeout(markAgainMs)])
  await watch.writable(again, generation.id)
  return true
}

async function parkedOf({ store }: PartitionParts, name: string): Promise<ParkedOffsets> {
  const parked: ParkedOffsets = new Map()
  for await (const record of store.reader.parked()) {
    if (topicPartitionName(record.partition) === name) park(parked, record)
  }
  return parked
}

/** Shows in `/ready` what stops this partition, each thing once, until it moves again. */
class ReportedProblem {
  readonly #parts: PartitionParts
  /** A former owner may have left a problem behind. */
  #shown: string | undefined = 'unknown'

  constructor(parts: PartitionParts) {
    this.#parts = parts
  }

  async report(error: MillraceError): Promise<void> {
    const { store, reader, clock, log } = this.#parts
    const { code, hint, retriable } = error
    const message = describe(error)
    if (this.#shown === message) return
    log[retriable ? 'warn' : 'error']({ code, reason: message, hint }, 'partition stopped')
    const problem = { code, message, hint, sinceMs: clock.wallMs() }
    try {
      await store.writer.report(reader.partition, problem)
      this.#shown = message
    } catch {
      // A store that is away shows itself; the next try reports again.
    }
  }

  async clear(): Promise<void> {
    if (this.#shown === undefined) return
    await this.#parts.store.writer.report(this.#parts.reader.partition, undefined)
    this.#shown = undefined
  }
}
