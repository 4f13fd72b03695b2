import { systemClock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { ViewLayout } from '../mutation.ts'
import { Durations } from './percentiles.ts'
import { openServing } from './serving-view.ts'

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
  slices: [],
}
const keys = 1_000
const readEveryMs = 1

/** `url` is the administrator's: no worker may write to a view that it does not keep. */
export async function besideView(url: string, log: Log): Promise<BesideView> {
  const { reader, close } = await openServing(layout, { url, log })
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
      await close()
    },
  }
}
