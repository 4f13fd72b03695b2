/** What views take of the memory of Redis, asked of Redis itself. */
import type { ChainableCommander, Redis } from 'ioredis'

/** What lies in Redis of one view. */
export type ViewSize = {
  /** Entries, and those of them that were measured. */
  readonly entries: Measured
  /** Sorted sets beside the entries: what is counted by item, and rows of lists. */
  readonly tallies: Measured
  /** Items of the tallies that were measured. */
  readonly items: number
  /** Keys of some entries. */
  readonly keys: readonly string[]
}

export type Measured = { readonly count: number; readonly measured: number; readonly bytes: number }

/** Beyond so many of a kind the others are only counted: the order of SCAN is that of hashes. */
const measuredMax = 100_000
const keysMax = 20_000
const pageKeys = 1_000

/** Bytes as `MEMORY USAGE` has them: key, value and what holds both, but not the table of all keys. */
export async function sizesOf(
  redis: Redis,
  views: readonly string[],
): Promise<ReadonlyMap<string, ViewSize>> {
  const sizes = new Map(views.map((view) => [view, new Sizes()]))
  let cursor = '0'
  do {
    const [next, keys] = await redis.scan(cursor, 'COUNT', pageKeys)
    cursor = next
    const pipeline = redis.pipeline()
    const asked: ((answers: readonly number[]) => number)[] = []
    for (const key of keys) {
      const place = placeOf(key)
      const size = place && sizes.get(place.view)
      if (size) asked.push(size.ask(pipeline, key, place))
    }
    const answers = ((await pipeline.exec()) ?? []).map(([, answer]) => Number(answer))
    let at = 0
    for (const take of asked) at += take(answers.slice(at, at + 2))
  } while (cursor !== '0')
  return sizes
}

export type Place = { readonly view: string; readonly entry: string; readonly isTally: boolean }

/** To what a key of Redis belongs; undefined for one that is no view's. */
export function placeOf(key: string): Place | undefined {
  const found = /^([^.:]+)(\.[^:]+)?:(.*)$/s.exec(key)
  return found?.[1] === undefined || found[1] === 'millrace'
    ? undefined
    : { view: found[1], entry: found[3]!, isTally: found[2] !== undefined }
}

/** Bytes of Redis in all, as it counts them itself. */
export async function usedBytes(redis: Redis): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1])
}

/** How often a command was called since the server began, also by scripts. */
export async function callsOf(redis: Redis, command: string): Promise<number> {
  const stats = await redis.info('commandstats')
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0)
}

class Sizes implements ViewSize {
  readonly entries = { count: 0, measured: 0, bytes: 0 }
  readonly tallies = { count: 0, measured: 0, bytes: 0 }
  items = 0
  readonly keys: string[] = []

  /** Answers what is to be called with the answers, and says how many of them it took. */
  ask(
    pipeline: ChainableCommander,
    key: string,
    { entry, isTally }: Place,
  ): (answers: readonly number[]) => number {
    const size = isTally ? this.tallies : this.entries
    size.count += 1
    if (!isTally && this.keys.length < keysMax) this.keys.push(entry)
    if (size.measured >= measuredMax) return () => 0
    size.measured += 1
    pipeline.memory('USAGE', key, 'SAMPLES', 0)
    if (isTally) pipeline.zcard(key)
    return ([bytes, items]) => {
      size.bytes += bytes!
      if (!isTally) return 1
      this.items += items!
      return 2
    }
  }
}

/** Bytes of one of those that were measured. */
export function bytesEach({ measured, bytes }: Measured): number {
  return measured === 0 ? 0 : bytes / measured
}

/** An entry with its tallies, on average. */
export function bytesPerEntry({ entries, tallies }: ViewSize): number {
  return bytesEach(entries) + bytesEach(tallies) * (tallies.count / Math.max(1, entries.count))
}

/** `listener: 100 entries of 88 bytes; 600 tallies with 2400 items, of 21 bytes an item`. */
export function sizeText(view: string, size: ViewSize): string {
  const { entries, tallies, items } = size
  const own = `${view}: ${entries.count} entries of ${bytesEach(entries).toFixed(0)} bytes`
  if (tallies.count === 0) return own
  const all = items * (tallies.count / tallies.measured)
  const each = items === 0 ? 0 : tallies.bytes / items
  return (
    `${own}; ${tallies.count} tallies with ${all.toFixed(0)} items, of ${each.toFixed(1)} bytes ` +
    `an item; ${bytesPerEntry(size).toFixed(0)} bytes an entry with its tallies`
  )
}
