import { backoff, bounded, type Clock } from '../clock.ts'
import { newMarker, type MarkerLog } from '../consume/marker-log.ts'
import { MillraceError } from '../errors.ts'
import { formatLsn, type Lsn } from '../position.ts'
import type { Connect } from '../source/connect.ts'
import type { Marked, Source } from '../source/source.ts'

export type MarksParts = {
  readonly source: Pick<Source, 'mark'>
  readonly capture: CaptureProgress
  readonly markers: Pick<MarkerLog, 'ready' | 'arrival' | 'readThrough' | 'inTransaction'>
  readonly clock: Clock
  /** Between the beginnings of two markers at least. */
  readonly intervalMs: number
}

/** How far whatever captures the source has come. A connector and its offsets are one such. */
export type CaptureProgress = {
  /**
   * True when everything committed before `lsn` is acknowledged by the log, and nothing that stood
   * in the log before that LSN was written will ever be written to it again.
   */
  passed(lsn: Lsn): Promise<boolean>
  /**
   * True when a transaction of Kafka commits with some records how far they lead, and no transaction
   * goes on when the capture begins anew from an earlier place.
   */
  commitsWithRecords(): Promise<boolean>
}

export type ComeThrough = Marked & {
  /** When it was begun, monotonic milliseconds: all that was committed until then stands before it. */
  readonly begunAtMs: number
}

/**
 * Markers that have come through: committed to the source, arrived in the log, and passed by the
 * connector. All views of a process share them, so their number costs the source and Connect
 * nothing: who asks while one is awaited is given the next one.
 */
export class Marks {
  readonly #parts: MarksParts
  /** Not begun yet: for all who ask until then. */
  #next: Round | undefined
  #newest: Promise<unknown> = Promise.resolve()
  #begunAtMs = Number.NEGATIVE_INFINITY

  constructor(parts: MarksParts) {
    this.#parts = parts
  }

  /**
   * What a marker's transaction saw that was begun after this call, once it has come through;
   * undefined when `signal` aborted before. Rejects with `another-source` when the connector goes on
   * and the marker is not in the log, with `markers-unread` where that can't be told, and as the
   * source, Connect and the brokers do.
   */
  take(signal: AbortSignal): Promise<ComeThrough | undefined> {
    this.#next ??= this.#follow()
    return this.#next.wait(signal)
  }

  #follow(): Round {
    const { clock, intervalMs } = this.#parts
    const before = this.#newest
    const round: Round = new Round(
      async (signal) => {
        await before
        await clock.sleep(this.#begunAtMs + intervalMs - clock.monotonicMs(), signal)
        if (signal.aborted) return undefined
        this.#next = undefined
        this.#begunAtMs = clock.monotonicMs()
        return comeThrough(this.#parts, signal)
      },
      () => {
        if (this.#next === round) this.#next = undefined
      },
    )
    this.#newest = round.settled
    return round
  }
}

/** One marker, for as long as anybody waits for it. */
class Round {
  readonly #done: Promise<ComeThrough | undefined>
  readonly #end = new AbortController()
  readonly #left: () => void
  #waiting = 0

  constructor(run: (signal: AbortSignal) => Promise<ComeThrough | undefined>, left: () => void) {
    this.#left = left
    this.#done = run(this.#end.signal)
    this.#done.catch(() => undefined)
  }

  get settled(): Promise<unknown> {
    return this.#done.catch(() => undefined)
  }

  async wait(signal: AbortSignal): Promise<ComeThrough | undefined> {
    const aborted = Promise.withResolvers<undefined>()
    const abort = () => aborted.resolve(undefined)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort)
    this.#waiting += 1
    try {
      return await Promise.race([aborted.promise, this.#done])
    } finally {
      signal.removeEventListener('abort', abort)
      this.#waiting -= 1
      if (this.#waiting === 0) {
        this.#end.abort()
        this.#left()
      }
    }
  }
}

/** After this long without a marker in the log, it is asked why. */
const timeoutMs = 10_000

/** The next marker stands right behind: after so long without it, the connector is asked. */
const nextWithinMs = 1_000

/**
 * Pauses between asking whether the marker was passed. Where Connect writes in transactions each
 * answer costs it a reading of all that its offsets topic has, which may take seconds.
 */
const askAgainFirstMs = 20
const askAgainMostMs = 1_000

async function comeThrough(
  parts: MarksParts,
  signal: AbortSignal,
): Promise<ComeThrough | undefined> {
  await parts.markers.ready()
  const [text, next] = [newMarker(), newMarker()]
  const begunAtMs = parts.clock.monotonicMs()
  const marked = { ...(await parts.source.mark(text, next)), begunAtMs }
  if (!(await arrived(parts, text, marked, signal))) return undefined
  return (await passed(parts, marked, { text, next }, signal)) ? marked : undefined
}

async function arrived(
  parts: MarksParts,
  text: string,
  { lsn, history, begunAtMs }: ComeThrough,
  signal: AbortSignal,
): Promise<boolean> {
  const { markers, capture, clock } = parts
  while (!signal.aborted) {
    if (await markers.arrival(text, bounded(clock, timeoutMs, signal))) return true
    if (signal.aborted) return false
    await refuseOtherHistory(parts, history)
    if (!(await capture.passed(lsn))) continue
    // Acknowledged by the log, it can be read: at most the reader is a moment behind.
    if (await markers.arrival(text, bounded(clock, timeoutMs, signal))) return true
    await markers.readThrough(begunAtMs, bounded(clock, timeoutMs, signal))
    // It may have been what was read last.
    if (await markers.arrival(text, AbortSignal.abort())) return true
    throw new MillraceError(
      'another-source',
      `the connector has passed ${formatLsn(lsn)}, and the marker that the source database has ` +
        'written there did not arrive in the log',
      {
        hint:
          'The connector captures another database than MILLRACE_SOURCE names, or this one was ' +
          'put back to an earlier state, or the connector leaves out logical messages. ' +
          'See "When the source was put back" in the README.',
      },
    )
  }
  return false
}

type Texts = { readonly text: string; readonly next: string }

async function passed(
  parts: MarksParts,
  { lsn, history }: Marked,
  { text, next }: Texts,
  signal: AbortSignal,
): Promise<boolean> {
  const { markers, capture, clock } = parts
  if (markers.inTransaction(text)) {
    await markers.arrival(next, bounded(clock, nextWithinMs, signal))
  }
  const pause = backoff(askAgainFirstMs, askAgainMostMs)
  let askedAtMs = clock.monotonicMs()
  while (!signal.aborted) {
    if (await isShownBy(parts, next)) return true
    if (await capture.passed(lsn)) return true
    if (clock.monotonicMs() - askedAtMs >= timeoutMs) {
      await refuseOtherHistory(parts, history)
      askedAtMs = clock.monotonicMs()
    }
    await clock.sleep(pause.nextMs(), signal)
  }
  return false
}

/**
 * Whether the next marker shows that the first was passed. A connector's offset tells the last
 * commit before the transaction that it is at: that of the next marker tells the commit of the first,
 * or a later one, and is committed in Kafka together with its record.
 */
async function isShownBy({ markers, capture }: MarksParts, next: string): Promise<boolean> {
  return markers.inTransaction(next) && (await capture.commitsWithRecords())
}

/** Positions of a history that is over may never be reached in the one that follows. */
async function refuseOtherHistory({ source }: MarksParts, history: string): Promise<void> {
  const found = await source.mark(newMarker(), newMarker())
  if (found.history === history) return
  throw new MillraceError(
    'another-source',
    `the source goes on another history (${found.history}, before ${history}) since the barrier was begun`,
    { hint: 'Another barrier is begun. If that does not end, see what the coordinator says.' },
  )
}

/** A connector's committed offset as such progress: none while it takes a snapshot. */
export function connectorProgress(
  connect: Pick<Connect, 'committed' | 'settings'>,
): CaptureProgress {
  return {
    // With another boundary a task may begin anew while its transaction is open, and the offset that
    // is committed in the end is of what was written last: it may be an earlier one.
    async commitsWithRecords() {
      const settings = await connect.settings()
      return (settings['transaction.boundary'] ?? 'poll') === 'poll'
    },
    async passed(lsn) {
      const { commitLsn, snapshot } = await connect.committed()
      return commitLsn !== undefined && commitLsn > lsn && !snapshot
    },
  }
}
