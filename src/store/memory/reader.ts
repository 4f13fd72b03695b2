import type { Clock } from '../../clock.ts'
import type { Entry, Slice, TallyItem, ViewLayout } from '../../mutation.ts'
import { checkKeys } from '../checks.ts'
import { compareItems } from '../entry-text.ts'
import { keptEntries } from '../kept-entries.ts'
import { limits } from '../limits.ts'
import { compareParked } from '../parked.ts'
import type { Displaced, ReadPart, ReadResult, StoreStatus, ViewReader } from '../reader.ts'
import type { ParkedRecord } from '../state.ts'
import { checkParts, namedKeys, strangeReader, withoutNulls } from '../together.ts'
import type { MemoryData } from './data.ts'

export type MemoryReaderParts = {
  readonly data: MemoryData
  readonly clock: Clock
  readonly layout: ViewLayout
  readonly served: string
}

export class MemoryReader implements ViewReader {
  readonly #parts: MemoryReaderParts

  constructor(parts: MemoryReaderParts) {
    this.#parts = parts
  }

  async read(keys: readonly string[]): Promise<ReadResult> {
    checkKeys(keys, limits.readKeysMax)
    return this.#read(keys)
  }

  async readTogether(parts: readonly ReadPart[]): Promise<readonly ReadResult[]> {
    checkParts(parts)
    const results: ReadResult[] = []
    for (const part of parts) {
      const { reader } = part
      if (!(reader instanceof MemoryReader)) throw strangeReader(reader)
      if ('keys' in part) results.push(reader.#read(part.keys))
      else results.push(withoutNulls(reader.#read(namedKeys(part.by, results))))
    }
    return results
  }

  async status(): Promise<StoreStatus> {
    const { state, parked, parkedBeyond, problems } = this.#parts.data
    return {
      state,
      ageMs: state?.watermark === undefined ? undefined : this.#ageMs(),
      parked: parked.size + parkedBeyond,
      problems: new Map(problems),
      evicted: 0,
    }
  }

  async *parked(): AsyncIterable<ParkedRecord> {
    yield* [...this.#parts.data.parked.values()].toSorted(compareParked)
  }

  async clearParked(): Promise<number> {
    const { data } = this.#parts
    const count = data.parked.size + data.parkedBeyond
    data.parked.clear()
    data.parkedBeyond = 0
    return count
  }

  async displaced(): Promise<readonly Displaced[]> {
    return []
  }

  #read(keys: readonly string[]): ReadResult {
    const { data, served } = this.#parts
    const { state } = data
    if (!state) return { kind: 'unavailable', phase: 'absent' }
    const { watermark, doubts } = state
    const complete = state.declarations.find(({ id }) => id === served)?.complete === true
    if (!complete || watermark === undefined) return { kind: 'unavailable', phase: 'building' }
    return {
      kind: 'serving',
      watermark,
      ageMs: this.#ageMs(),
      doubts: [...new Set(doubts.map(({ code }) => code))],
      entries: keptEntries(
        keys.map((key) => this.#entry(key)),
        this.#parts.layout,
        state.keepFrom,
      ),
    }
  }

  #ageMs(): number {
    const { data, clock } = this.#parts
    return Math.max(0, clock.monotonicMs() - data.watermark!.atMs)
  }

  #entry(key: string): Entry | null {
    const { data, layout } = this.#parts
    const held = data.entries.get(key)
    if (!held) return null
    const { fields, counts, tallies } = held
    const { presence } = layout
    const counted = presence.some((name) => (counts[name] ?? 0n) > 0n)
    if (presence.length === 0 ? !fields : !counted) return null
    const slices = layout.slices.map(
      ({ name, tally, ...slice }) => [name, sliceOf(slice, tallies?.get(tally))] as const,
    )
    return {
      ...(slices.length > 0 && { slices: Object.fromEntries(slices) }),
      key,
      fields: Object.fromEntries(layout.fields.map(({ name }) => [name, fields?.[name] ?? null])),
      counts: Object.fromEntries(layout.counts.map((name) => [name, counts[name] ?? 0n])),
    }
  }
}

function sliceOf(
  { order, most }: Slice,
  items: ReadonlyMap<string, bigint> = new Map(),
): readonly TallyItem[] {
  const all = [...items].map(([item, amount]) => ({ item, amount })).toSorted(compareItems)
  if (order === 'largest') return all.filter(({ amount }) => amount > 0n).slice(0, most)
  const rows = all.filter(({ amount }) => amount === 1n)
  return (order === 'first' ? rows : rows.toReversed()).slice(0, most)
}
