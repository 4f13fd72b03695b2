import { systemClock } from '../clock.ts'
import type { Config } from '../config.ts'
import { kafkaTopicAdmin } from '../consume/kafka/topic-admin.ts'
import { MillraceError } from '../errors.ts'
import { tablesOf } from '../view/view.ts'
import { createLog } from '../log.ts'
import { topicOf } from '../source/connector.ts'
import { openStore } from '../store/open-store.ts'
import type { ViewStore } from '../store/store.ts'
import { userInformation } from '../views/user-information.ts'

export type ReplayResult = {
  /** End offsets of all partitions: records of the topics, transaction marks among them. */
  readonly offsets: bigint
  readonly entries: number
  readonly tookMs: number
}

const askEveryMs = 50
const replayTimeoutMs = 900_000

/** Marks the view, and times until a generation that was poured from nothing serves. */
export async function measureReplay(config: Config, signal: AbortSignal): Promise<ReplayResult> {
  const log = createLog('error', 'bench')
  const view = userInformation
  const topics = tablesOf(view).map((table) => topicOf(config.connector, table))
  const admin = kafkaTopicAdmin({ brokers: config.kafka, log })
  const store = await openStore(config.readFrom, { config, layout: view.layout, log })
  try {
    const ends = await admin.ends(topics)
    const old = await store.writer.generation()
    if (old?.phase !== 'serving') {
      throw new MillraceError('bench', 'no generation serves that could be replayed', {
        hint: 'Wait until /ready says so.',
      })
    }
    const beganMs = systemClock.monotonicMs()
    const mark = { code: 'by-hand', reason: 'a replay is measured', atMs: systemClock.wallMs() }
    await store.writer.mark(old.id, mark)
    await untilServing(store, old.id, signal)
    const tookMs = systemClock.monotonicMs() - beganMs
    return { offsets: sum(ends.values()), entries: await count(store), tookMs }
  } finally {
    await store.close()
    await admin.close()
  }
}

async function untilServing(store: ViewStore, old: string, signal: AbortSignal): Promise<void> {
  const endMs = systemClock.monotonicMs() + replayTimeoutMs
  while (!signal.aborted && systemClock.monotonicMs() < endMs) {
    const now = await store.writer.generation()
    if (now !== undefined && now.id !== old && now.phase === 'serving') return
    await systemClock.sleep(askEveryMs, signal)
  }
  throw new MillraceError('bench', 'the replay was not finished; the workers go on with it')
}

async function count(store: ViewStore): Promise<number> {
  const keys = new Set<string>()
  for await (const page of store.reader.scan()) for (const { key } of page) keys.add(key)
  return keys.size
}

function sum(values: Iterable<bigint>): bigint {
  let total = 0n
  for (const value of values) total += value
  return total
}
