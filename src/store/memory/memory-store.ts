import { systemClock, type Clock } from '../../clock.ts'
import type { Fields, Mutation, ViewLayout } from '../../mutation.ts'
import { topicPartitionName, type TopicPartition } from '../../position.ts'
import { checkCommit, checkPour, checkRead, fitsInt64, overflowError } from '../checks.ts'
import { newGeneration, newGenerationId } from '../generation.ts'
import { limits } from '../limits.ts'
import { compareParked } from '../parked.ts'
import type {
  Barrier,
  Checkpoint,
  Commit,
  CommitResult,
  Generation,
  GenerationId,
  Mark,
  ParkedRecord,
  Pour,
  Problem,
  ReadResult,
  StoredEntry,
  StoreStatus,
  ViewCoordination,
  ViewReader,
  ViewStore,
  ViewWriter,
} from '../store.ts'

/** The model of a store: what the others must do, in the fewest words. Forgets with the process. */
export function memoryStore(layout: ViewLayout, clock: Clock = systemClock): ViewStore {
  const store = new MemoryStore(layout, clock)
  return {
    name: 'memory',
    writer: store,
    reader: store,
    coordination: store,
    close: () => Promise.resolve(),
  }
}

type Held = { readonly fields: Fields | null; readonly counts: Readonly<Record<string, bigint>> }

type Step = Pick<Commit, 'partition' | 'to' | 'mutations' | 'parked'> &
  Partial<Pick<Commit, 'unparked' | 'mark' | 'markBelowZero'>>

/** No method awaits before it has done its work, which makes each of them one atomic step. */
class MemoryStore implements ViewWriter, ViewReader, ViewCoordination {
  readonly #layout: ViewLayout
  readonly #clock: Clock
  #state: Generation | undefined
  #lease: { readonly holder: string; readonly untilMs: number } | undefined
  readonly #entries = new Map<string, Held>()
  readonly #checkpoints = new Map<string, Checkpoint>()
  readonly #parked = new Map<string, ParkedRecord>()
  readonly #problems = new Map<string, Problem>()

  constructor(layout: ViewLayout, clock: Clock) {
    this.#layout = layout
    this.#clock = clock
  }

  async generation(): Promise<Generation | undefined> {
    return this.#state
  }

  async checkpoints(generation: GenerationId): Promise<ReadonlyMap<string, Checkpoint>> {
    return this.#state?.id === generation ? new Map(this.#checkpoints) : new Map()
  }

  async commit(commit: Commit): Promise<CommitResult> {
    checkCommit(commit, this.#layout)
    const found = this.#found(commit.generation, commit.partition)
    if (found?.phase !== 'live' || found.next !== commit.from) return { kind: 'conflict', found }
    return this.#apply(commit)
  }

  async pour(pour: Pour): Promise<CommitResult> {
    checkPour(pour, this.#layout)
    const found = this.#found(pour.generation, pour.partition)
    const building = this.#state?.id === pour.generation && this.#state.phase === 'building'
    const expected = pour.poured === 0 ? !found : found?.phase === 'pouring'
    if (!building || !expected || (found?.poured ?? 0) !== pour.poured) {
      return { kind: 'conflict', found }
    }
    return this.#apply(pour)
  }

  async mark(generation: GenerationId, mark: Mark): Promise<boolean> {
    const state = this.#state
    if (state?.id !== generation || state.phase === 'dropping') return false
    this.#state = { ...state, mark: state.mark ?? mark }
    return true
  }

  async report(partition: TopicPartition, problem: Problem | undefined): Promise<void> {
    if (problem) this.#problems.set(topicPartitionName(partition), problem)
    else this.#problems.delete(topicPartitionName(partition))
  }

  async read(keys: readonly string[]): Promise<ReadResult> {
    checkRead(keys)
    const { phase = 'absent', watermark } = this.#state ?? {}
    if (phase !== 'serving') return { kind: 'unavailable', phase }
    const entries = keys.map((key) => {
      const held = this.#entries.get(key)
      return held?.fields ? { key, fields: held.fields, counts: held.counts } : null
    })
    return { kind: 'serving', watermark: watermark!, entries }
  }

  async status(): Promise<StoreStatus> {
    return {
      generation: this.#state,
      parked: this.#parked.size,
      problems: new Map(this.#problems),
    }
  }

  async *scan(): AsyncIterable<readonly StoredEntry[]> {
    const keys = [...this.#entries.keys()]
    while (keys.length > 0) {
      yield keys.splice(0, limits.scanPageEntries).flatMap((key) => {
        const held = this.#entries.get(key)
        return held ? [{ key, ...held }] : []
      })
    }
  }

  async *parked(): AsyncIterable<ParkedRecord> {
    yield* [...this.#parked.values()].toSorted(compareParked)
  }

  async lease(holder: string, ttlMs: number): Promise<boolean> {
    const nowMs = this.#clock.monotonicMs()
    if (this.#lease && this.#lease.holder !== holder && this.#lease.untilMs > nowMs) return false
    this.#lease = { holder, untilMs: nowMs + ttlMs }
    return true
  }

  async open(topics: Readonly<Record<string, number>>): Promise<Generation | undefined> {
    if (this.#state) return undefined
    this.#clearBooks()
    this.#state = newGeneration(newGenerationId(), topics)
    return this.#state
  }

  async publish(generation: GenerationId, barrier: Barrier): Promise<void> {
    const state = this.#state
    if (state?.id !== generation || state.phase === 'dropping') return
    if (!state.barrier || barrier.lsn > state.barrier.lsn) this.#state = { ...state, barrier }
  }

  async advance(generation: GenerationId, barrier: Barrier): Promise<boolean> {
    const state = this.#state
    if (state?.id !== generation || state.phase === 'dropping') return false
    const names = Object.entries(state.topics).flatMap(([topic, count]) =>
      Array.from({ length: count }, (_, partition) => topicPartitionName({ topic, partition })),
    )
    const passed = names.every((name) => {
      const found = this.#checkpoints.get(name)
      const end = barrier.ends.get(name)
      return found?.phase === 'live' && end !== undefined && found.next >= end
    })
    if (!passed) return false
    const { watermark = barrier.lsn } = state
    const risen = barrier.lsn > watermark ? barrier.lsn : watermark
    this.#state = { ...state, phase: 'serving', watermark: risen }
    return true
  }

  async *drop(seen: GenerationId | undefined): AsyncIterable<number> {
    if (this.#state?.id !== seen) return
    const id = this.#turnToDropping()
    let removed = 0
    yield removed
    while (this.#state?.id === id && this.#entries.size > 0) {
      const keys = [...this.#entries.keys()].slice(0, limits.dropKeysPerCallMax)
      for (const key of keys) this.#entries.delete(key)
      removed += keys.length
      yield removed
    }
    if (this.#state?.id !== id) return
    this.#clearBooks()
    this.#state = undefined
  }

  #turnToDropping(): GenerationId {
    if (this.#state?.phase === 'dropping') return this.#state.id
    const id = newGenerationId()
    this.#state = { ...newGeneration(id, this.#state?.topics ?? {}), phase: 'dropping' }
    return id
  }

  #clearBooks(): void {
    this.#checkpoints.clear()
    this.#parked.clear()
    this.#problems.clear()
  }

  #found(generation: GenerationId, partition: TopicPartition): Checkpoint | undefined {
    if (this.#state?.id !== generation || this.#state.phase === 'dropping') return undefined
    return this.#checkpoints.get(topicPartitionName(partition))
  }

  #apply(step: Step): CommitResult {
    const { partition, to, mutations, parked, unparked = [] } = step
    const next = mutations.map((mutation) => [mutation.entry, this.#mutated(mutation)] as const)
    for (const [entry, held] of next) {
      const zero = Object.values(held.counts).every((count) => count === 0n)
      if (!held.fields && zero) this.#entries.delete(entry)
      else this.#entries.set(entry, held)
    }
    const name = topicPartitionName(partition)
    for (const record of parked) this.#parked.set(`${name}/${record.offset}`, record)
    for (const offset of unparked) this.#parked.delete(`${name}/${offset}`)
    this.#checkpoints.set(name, to)
    const belowZero = next.flatMap(([entry, { counts }]) =>
      this.#layout.counts.filter((count) => counts[count]! < 0n).map((count) => ({ entry, count })),
    )
    const broken = belowZero.length > 0 && this.#parked.size === 0
    const mark = step.mark ?? (broken ? step.markBelowZero : undefined)
    this.#state = { ...this.#state!, mark: this.#state!.mark ?? mark }
    return { kind: 'applied', belowZero, parked: this.#parked.size }
  }

  #mutated({ entry, put, add }: Mutation): Held {
    const { fields, counts } = this.#entries.get(entry) ?? { fields: null, counts: {} }
    const sums = this.#layout.counts.map((count) => {
      const sum = (counts[count] ?? 0n) + (add[count] ?? 0n)
      if (!fitsInt64(sum)) throw overflowError(entry, count)
      return [count, sum] as const
    })
    const owned = put && this.#layout.fields.map(({ name }) => [name, put[name] ?? null] as const)
    return {
      fields: put === undefined ? fields : owned ? Object.fromEntries(owned) : null,
      counts: Object.fromEntries(sums),
    }
  }
}
