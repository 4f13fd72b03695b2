/**
 * What entries, items and rows of lists take of Redis, and whether a tally of a million items is read
 * as fast as one of a thousand. Redis alone is started; changes are folded and committed as by a worker.
 */
import { rmSync } from 'node:fs'
import { Redis } from 'ioredis'
import type { Row } from '../change.ts'
import { systemClock } from '../clock.ts'
import { randomPorts } from '../dev/ports.ts'
import { startChain } from '../dev/start-chain.ts'
import { createLog } from '../log.ts'
import { parseLsn } from '../position.ts'
import type { ReadResult } from '../store/reader.ts'
import { limits } from '../store/limits.ts'
import { userInformationConfig } from '../traffic/example.ts'
import { consolidator } from '../view/consolidate.ts'
import { fold } from '../view/fold.ts'
import type { View } from '../view/view.ts'
import { entryView, listView, longItem, shortItem, table, topView } from './list-views.ts'
import { Durations } from './percentiles.ts'
import { bytesEach, sizesOf } from './redis-memory.ts'
import { openServing, type ServingView } from './serving-view.ts'
import { emptiedFolder, type Attending } from './filled-chain.ts'

export type ListsOptions = Omit<Attending, 'tell'> & {
  /** Items and rows of the large tally and of the large list. */
  readonly large: number
  readonly show: (line: string) => void
}

const small = 1_000
const reads = 5_000
const warmUpReads = 500

export async function measureLists(options: ListsOptions): Promise<void> {
  const { say, signal, show } = options
  const folder = emptiedFolder()
  const started = { folder, ports: await randomPorts(), say, signal, config: userInformationConfig }
  const chain = await startChain({ ...started, servers: ['redis'] })
  const redis = new Redis(chain.urls.redis)
  try {
    show(`redis     ${/redis_version:(\S+)/.exec(await redis.info('server'))?.[1]}`)
    await measureMemory(redis, chain.urls.redis, options)
    for (const [what, view] of [
      ['topOf', topView],
      ['latestOf', listView],
    ] as const) {
      if (!signal.aborted) await measureReads(what, view, chain.urls.redis, options)
    }
  } finally {
    redis.disconnect()
    await chain.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function measureMemory(redis: Redis, url: string, { show }: ListsOptions): Promise<void> {
  const bytesOf = async (view: View) => (await sizesOf(redis, [view.name])).get(view.name)!
  await filled(entryView, url, (kept) => put(kept, entryView, rowsOf(1, 10_000)))
  const { entries } = await bytesOf(entryView)
  show(`memory    entry of three fields and four counts: ${bytesEach(entries).toFixed(0)} bytes`)
  await redis.flushall()
  for (const [what, view, item] of [
    ['item of 8 characters', topView, shortItem],
    ['item of 59 characters', topView, longItem],
    ['row of a list, of a time, a key and 8 characters', listView, shortItem],
  ] as const) {
    for (const each of [100, small]) {
      await filled(view, url, (kept) => put(kept, view, rowsOf(100, each, item)))
      const { tallies, items } = await bytesOf(view)
      const bytes = (tallies.bytes / items).toFixed(1)
      show(`memory    ${what}: ${bytes} bytes, in entries with ${each} of them`)
      await redis.flushall()
    }
  }
}

/** Reads an entry of a thousand and one of very many in turns. */
async function measureReads(what: string, view: View, url: string, options: ListsOptions) {
  const { say, show, signal, large } = options
  await filled(view, url, async (kept) => {
    const startedMs = systemClock.monotonicMs()
    await put(kept, view, rowsOf(1, small))
    await put(kept, view, rowsOf(1, large, shortItem, 2), (count) => say(`${what}: ${count} items`))
    const seconds = (systemClock.monotonicMs() - startedMs) / 1_000
    say(`${what}: ${large} items were put in in ${seconds.toFixed(0)} s`)
    const [few, many] = [new Durations(), new Durations()]
    for (let turn = -warmUpReads; turn < reads && !signal.aborted; turn += 1) {
      for (const [key, durations] of [['1', few] as const, ['2', many] as const]) {
        const startedAtMs = systemClock.monotonicMs()
        const answer = await kept.reader.read([key])
        refuseOther(answer)
        if (turn >= 0) durations.add(systemClock.monotonicMs() - startedAtMs)
      }
    }
    show(`reads     ${what} over ${small}: ${few.summary(3)}`)
    show(`          ${what} over ${large}: ${many.summary(3)}`)
    const ratio = (rank: number) => (many.at(rank) / few.at(rank)).toFixed(2)
    show(`          as 1 to ${ratio(50)} at p50, 1 to ${ratio(95)} at p95`)
  })
}

/** What is not there would be read sooner. */
function refuseOther(answer: ReadResult): void {
  const slices = answer.kind === 'serving' && answer.entries[0]?.slices
  const counts = Object.values(slices || {}).map((items) => items.length)
  if (counts[0] !== 10) throw new Error(`bench: an entry has ${counts[0] ?? 'no'} items`)
}

/** Begins the view in an empty Redis, as far as its own keys go, and closes it after `work`. */
async function filled(view: View, url: string, work: (kept: ServingView) => Promise<void>) {
  const kept = await openServing(view.layout, { url, log: createLog('error', 'bench') })
  try {
    await work(kept)
  } finally {
    await kept.close()
  }
}

/** Rows of so many owners, so many each; the first owner has the number `first`. */
function* rowsOf(owners: number, each: number, item = shortItem, first = 1): Iterable<Row> {
  for (let owner = first; owner < first + owners; owner += 1) {
    for (let at = 0; at < each; at += 1) {
      const id = BigInt(owner) * 10_000_000n + BigInt(at)
      const minutes = new Date(Date.UTC(2026, 0, 1) + at * 60_000).toISOString()
      const heardAt = minutes.replace('Z', '000Z')
      yield { play_id: id, owner: BigInt(owner), song: item(at), heard_at: heardAt }
    }
  }
}

const saidEvery = 250_000

/** Inserts the rows, folded as those of a worker's batches. */
async function put(
  kept: ServingView,
  view: View,
  rows: Iterable<Row>,
  told: (count: number) => void = () => undefined,
): Promise<void> {
  const merged = consolidator()
  let count = 0
  for (const row of rows) {
    const key = { play_id: row.play_id! }
    const change = { kind: 'insert', table, key, after: row, lsn: parseLsn('0/1'), transaction: 1 }
    const folded = fold(view, change as Parameters<typeof fold>[1])
    if (folded.kind === 'unusable') throw new Error(folded.reason)
    merged.add(folded.contributions)
    count += 1
    if (merged.size() > limits.mutationsMax - 10) await kept.write(merged.take())
    if (count % saidEvery === 0) told(count)
  }
  await kept.write(merged.take())
}
