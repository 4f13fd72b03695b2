import type { Clock } from '../clock.ts'
import { MillraceError } from '../errors.ts'
import type { Generation, ViewStore } from '../store/store.ts'

export type RebuildParts = {
  readonly view: string
  /** What `/ready` and the worker's log give as the reason. */
  readonly reason: string
  readonly clock: Clock
  readonly say: (line: string) => void
  /** Ends the following; the rebuild goes on. */
  readonly signal: AbortSignal
}

const askEveryMs = 500
const sayEveryMs = 5_000
/** Longer than a worker takes to start, and than a coordinator may be too busy for its lease. */
const noWorkerMs = 30_000
/** Taken to see whether anybody has the lease, and given back at once. */
const leaseProbe = { holder: 'rebuild', ttlMs: 1 } as const

/**
 * Marks the view of a store, and follows the workers until another generation serves. Rejects with
 * `no-worker` when for half a minute none coordinates, with `interrupted` when `signal` aborts.
 */
export async function rebuild(store: ViewStore, parts: RebuildParts): Promise<void> {
  const { view, clock, say, signal } = parts
  const old = await markByHand(store, parts)
  const beganMs = clock.monotonicMs()
  let [saidMs, heldMs] = [beganMs, beganMs]
  while (!signal.aborted) {
    const now = await store.writer.generation()
    const nowMs = clock.monotonicMs()
    const isNew = now !== undefined && now.id !== old?.id
    if (isNew && now.phase === 'serving') {
      say(`a new generation serves after ${((nowMs - beganMs) / 1_000).toFixed(1)} s`)
      return
    }
    if (!(await store.coordination.lease(leaseProbe.holder, leaseProbe.ttlMs))) heldMs = nowMs
    const aloneMs = nowMs - heldMs
    if (aloneMs >= noWorkerMs) throw noWorker(`${view} in ${store.name}`, aloneMs)
    if (nowMs - saidMs >= sayEveryMs) {
      saidMs = nowMs
      const phase = isNew ? now.phase : 'waiting for a worker to begin'
      const alone = aloneMs >= sayEveryMs ? ', but no worker shows itself' : ''
      say(`  ${((nowMs - beganMs) / 1_000).toFixed(0)} s: ${phase}${alone}`)
    }
    await clock.sleep(askEveryMs, signal)
  }
  throw new MillraceError('interrupted', 'stopped following; the rebuild goes on in the workers')
}

/** The generation that was there, if any: without one, a worker builds one unasked. */
async function markByHand(
  { name, writer }: ViewStore,
  { view, reason, clock, say }: RebuildParts,
): Promise<Generation | undefined> {
  const old = await writer.generation()
  const mark = { code: 'by-hand', reason, atMs: clock.wallMs() }
  if (old === undefined) {
    say(`${name} has no generation of ${view} to mark: workers build one by themselves`)
  } else if (await writer.mark(old.id, mark)) {
    say(`${view} in ${name} is marked: workers build it anew`)
  } else {
    say(`${view} in ${name} is being built anew already`)
  }
  return old
}

function noWorker(what: string, aloneMs: number): MillraceError {
  const seconds = Math.round(aloneMs / 1_000)
  return new MillraceError('no-worker', `no worker has kept ${what} for ${seconds} s`, {
    hint: 'Start one: npm start, or node src/main.ts worker. What was marked stays marked.',
  })
}
