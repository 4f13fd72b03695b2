import { systemClock } from '../clock.ts'
import type { Log } from '../log.ts'
import { parseLsn } from '../position.ts'
import type { Barrier } from '../store/state.ts'
import { openRedisStore } from '../store/redis/redis-store.ts'
import { parseSnapshot, parseTransactionId } from '../transaction.ts'
import type { ViewLayout } from '../mutation.ts'
import { Durations } from './percentiles.ts'

/** A small view of the benchmark's own, and how long reads of it take: one a millisecond. */
export type BesideView = {
  readonly durations: Durations
  close(): Promise<void>
}

const layout: ViewLayout = {
  name: 'millrace-bench',
  key: [{ name: 'id', type: 'bigint' }],
  fields: [{ name: 'text', type: 'text' }],
  counts: ['amount'],
  presence: [],
  tallies: [],
}
const served = 'bench'
const keys = 1_000
const readEveryMs = 1

/** `url` is the administrator's: no worker may write to a view that it does not keep. */
export async function besideView(url: string, log: Log): Promise<BesideView> {
  const store = await openRedisStore({ url, callTimeoutMs: 5_000, log, view: layout })
  const declaration = { id: served, declaration: '{}', complete: true }
  const checkpoints = new Map()
  const barrier: Barrier = {
    number: 1,
    lsn: parseLsn('0/1'),
    transaction: parseTransactionId('1'),
    snapshot: parseSnapshot('1:1:'),
    history: 'bench',
    from: new Map(),
    ends: new Map(),
    takenAtMs: 0,
  }
  const beginning = { declaration, topics: {}, checkpoints, fingerprint: '{}', barrier }
  const epoch = await store.coordination.open(beginning)
  if (epoch !== undefined) await store.coordination.advance(epoch, barrier, 0)
  const reader = store.reader(layout, served)
  const durations = new Durations()
  const stop = new AbortController()
  const reading = (async () => {
    for (let turn = 0; !stop.signal.aborted; turn += 1) {
      const startedMs = systemClock.monotonicMs()
      await reader.read([String(turn % keys)]).catch(() => undefined)
      durations.add(systemClock.monotonicMs() - startedMs)
      await systemClock.sleep(readEveryMs, stop.signal)
    }
  })()
  return {
    durations,
    close: async () => {
      stop.abort()
      await reading
      await store.close()
    },
  }
}
