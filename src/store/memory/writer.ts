import type { Clock } from '../../clock.ts'
import type { KeepBound } from '../../keep.ts'
import type { Cells, Fields, Mutation, ViewLayout } from '../../mutation.ts'
import { topicPartitionName } from '../../position.ts'
import { checkCommit, fitsCell, fitsInt64, overflowError } from '../checks.ts'
import { standing } from '../epoch.ts'
import { limits } from '../limits.ts'
import type { Checkpoint, Doubt, Epoch, Problem } from '../state.ts'
import type { Commit, CommitResult, ViewWriter } from '../writer.ts'
import { isZero, type Held, type MemoryData } from './data.ts'

/** No method awaits before it has done its work, which makes each of them one atomic step. */
export class MemoryWriter implements ViewWriter {
  readonly #data: MemoryData
  readonly #clock: Clock
  readonly #layout: ViewLayout

  constructor(data: MemoryData, clock: Clock, layout: ViewLayout) {
    this.#data = data
    this.#clock = clock
    this.#layout = layout
  }

  async checkpoints(epoch: Epoch): Promise<ReadonlyMap<string, Checkpoint>> {
    return this.#data.state?.epoch === epoch ? new Map(this.#data.checkpoints) : new Map()
  }

  async commit(commit: Commit): Promise<CommitResult> {
    checkCommit(commit, this.#layout)
    const data = this.#data
    const name = topicPartitionName(commit.partition)
    if (data.state?.epoch !== commit.epoch) return { kind: 'conflict', found: undefined }
    const found = data.checkpoints.get(name)
    if (found?.next !== commit.from) return { kind: 'conflict', found }
    if (isAbove(commit.leftOutBelow, data.state.keepFrom)) return { kind: 'conflict', found }
    const next = commit.mutations.map((each) => [each, mutated(data, this.#layout, each)] as const)
    for (const [{ entry, put }, held] of next) {
      keep(data, this.#layout, entry, held)
      if (put !== undefined) data.rowTickets.delete(entry)
    }
    for (const record of commit.parked) {
      if (data.parked.size < limits.parkedMax) data.parked.set(`${name}/${record.offset}`, record)
      else data.parkedBeyond += 1
    }
    data.checkpoints.set(name, commit.to)
    for (const doubt of commit.doubts) raise(data, doubt, this.#clock.wallMs())
    const belowZero = next.flatMap(([{ entry, cells }, held]) =>
      [...countsBelowZero(held, this.#layout), ...talliesBelowZero(held, cells)].map((count) => ({
        entry,
        count,
      })),
    )
    return { kind: 'applied', belowZero }
  }

  async raise(epoch: Epoch, doubt: Doubt): Promise<boolean> {
    if (this.#data.state?.epoch !== epoch) return false
    raise(this.#data, doubt, this.#clock.wallMs())
    return true
  }

  async report(place: string, problem: Problem | undefined): Promise<void> {
    if (problem) this.#data.problems.set(place, problem)
    else this.#data.problems.delete(place)
  }

  async displace(): Promise<string | undefined> {
    return undefined
  }
}

/** Whether more was left out of a commit than the store lets go. */
function isAbove(leftOutBelow: KeepBound | undefined, keepFrom: KeepBound | undefined): boolean {
  return leftOutBelow !== undefined && (keepFrom === undefined || keepFrom < leftOutBelow)
}

export function raise(data: MemoryData, doubt: Doubt, nowMs: number): void {
  const doubts = data.state!.doubts
  const before = doubts.find(({ name }) => name === doubt.name)
  const raised = standing(doubt, before?.sinceMs ?? nowMs)
  const others = doubts.filter(({ name }) => name !== doubt.name)
  data.state = { ...data.state!, doubts: [...others, raised] }
}

/** The entry as the mutation leaves it. Throws `store-overflow`. */
export function mutated(
  data: MemoryData,
  layout: ViewLayout,
  { entry, put, add, cells }: Mutation,
): Held {
  const held: Held = data.entries.get(entry) ?? { fields: null, counts: {} }
  const { fields, counts } = held
  const declared = Object.fromEntries(
    layout.counts.flatMap((name) => (name in counts ? [[name, counts[name]!]] : [])),
  )
  const sums: Record<string, bigint> = { ...(put === null ? declared : counts) }
  for (const name in add) sums[name] = (sums[name] ?? 0n) + add[name]!
  for (const name in add) if (!fitsInt64(sums[name]!)) throw overflowError(entry, name)
  if (put) for (const name of layout.counts) sums[name] ??= 0n
  const tallies = cells ? tallied(entry, held.tallies, cells) : held.tallies
  return { fields: owned(layout, fields, put), counts: sums, ...(tallies && { tallies }) }
}

/** Undefined where nothing is left. */
function tallied(entry: string, before: Cells | undefined, cells: Cells): Cells | undefined {
  const tallies = new Map(before)
  for (const [tally, items] of cells) {
    const known = new Map(tallies.get(tally))
    for (const [item, amount] of items) {
      const sum = (known.get(item) ?? 0n) + amount
      if (!fitsCell(sum)) throw overflowError(entry, tally)
      if (sum === 0n) known.delete(item)
      else known.set(item, sum)
    }
    if (known.size === 0) tallies.delete(tally)
    else tallies.set(tally, known)
  }
  return tallies.size === 0 ? undefined : tallies
}

function countsBelowZero({ counts }: Held, layout: ViewLayout): readonly string[] {
  return layout.counts.filter((count) => (counts[count] ?? 0n) < 0n)
}

function talliesBelowZero({ tallies }: Held, cells: Cells | undefined): readonly string[] {
  return [...(cells ?? [])].flatMap(([tally, items]) => {
    const after = tallies?.get(tally)
    return [...items.keys()].some((item) => (after?.get(item) ?? 0n) < 0n) ? [tally] : []
  })
}

/** Without a row, counters that this layout does not have go with those that it has. */
export function keep(data: MemoryData, layout: ViewLayout, entry: string, held: Held): void {
  const { fields, counts, tallies } = held
  if (fields || !isZero(counts, layout)) data.entries.set(entry, held)
  else if (tallies) data.entries.set(entry, { fields, counts: {}, tallies })
  else data.entries.delete(entry)
}

function owned(layout: ViewLayout, before: Fields | null, put: Mutation['put']): Fields | null {
  if (put === undefined) return before
  if (put === null) return null
  const set = layout.fields.map(({ name }) => [name, put[name] ?? null] as const)
  return { ...before, ...Object.fromEntries(set) }
}
