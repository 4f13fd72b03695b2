import { MillraceError } from '../errors.ts'
import { formatLsn, type Lsn } from '../position.ts'
import type { SetupFault } from '../source/source.ts'
import type { Doubt, StandingDoubt, ViewState } from '../store/state.ts'
import type { View } from '../view/view.ts'
import type { Coordination } from './coordinator.ts'
import {
  decodeFingerprint,
  encodeFingerprint,
  isEndangered,
  isSameSetup,
  slotHint,
  withAbsent,
  type Fingerprint,
} from './fingerprint.ts'
import { doubt, doubtsBetween, unappliedDoubts } from './setup-doubts.ts'
import { unfit } from './setup.ts'
import { mergedView } from './view-plan.ts'

/** What comes slowly, and costs a dozen questions to find. */
const slowEveryMs = 30_000

type SlowParts = {
  readonly view: View
  readonly slotState: Fingerprint['slotState']
  /** Also before its time. */
  readonly isDue: boolean
  readonly missed: MillraceError | undefined
}

type Slow = {
  /** Undefined where nobody was asked, or could be. */
  readonly faults?: readonly SetupFault[]
  readonly slotState: Fingerprint['slotState']
  readonly missed?: MillraceError | undefined
}

/**
 * Compares the set-up with what it was, and writes down what follows. While something of it does
 * not fit, the doubt is raised again at every look, so that it can't end before that is mended.
 */
export class SetupWatch {
  readonly #parts: Coordination
  #slowAtMs = Number.NEGATIVE_INFINITY

  constructor(parts: Coordination) {
    this.#parts = parts
  }

  /**
   * Rejects where something of it could not be asked, once it has written down what could: the rest
   * is compared when it is there again.
   */
  async look(state: ViewState): Promise<void> {
    const missed = await this.#look(state)
    if (missed) throw missed
  }

  async #look(state: ViewState): Promise<MillraceError | undefined> {
    const { setup, barriers } = this.#parts
    const view = mergedView(state)
    // A barrier that is begun from here on sees what the fingerprint shows.
    const barrier = barriers.following
    const topics = setup.topics(view)
    const known = knownOf(state, topics)
    const { fingerprint, lsn, missed } = await setup.look(view, known)
    const found = known ? withAbsent(fingerprint, known) : fingerprint
    const isAbsent = topics.some((topic) => !fingerprint.topics[topic])
    const altered = !known || isAbsent || !isSameSetup(known, found)
    const tableOf = (topic: string) => setup.tableOf(view, topic)
    const context = { tableOf, barrier, applied: state.topics }
    const doubts = known && altered ? doubtsBetween(known, found, context) : []
    doubts.push(...unappliedDoubts(found, context, [...state.doubts, ...doubts]))
    if (lsn !== undefined && known?.history === found.history && isPutBack(state, lsn)) {
      doubts.push(putBackDoubt(state.watermark!, lsn, barrier))
    }
    const unfitUntilNow = state.doubts.find(({ code }) => code === 'source-unfit')
    const isDue = altered || unfitUntilNow !== undefined
    const slow = await this.#slow({ view, slotState: known?.slotState, isDue, missed })
    if (slow.faults?.length) doubts.push(unfitDoubt(unfit(view, slow.faults), slow.faults, barrier))
    else if (slow.faults && unfitUntilNow) doubts.push(mendedDoubt(unfitUntilNow, barrier))
    else if (unfitUntilNow) doubts.push({ ...unfitUntilNow, barrier })
    await this.#observe(state, { ...found, slotState: slow.slotState }, doubts)
    return slow.missed
  }

  /** What comes slowly, where it is due; what could not be asked is due until it can. */
  async #slow({ view, slotState, isDue, missed }: SlowParts): Promise<Slow> {
    const { setup, clock } = this.#parts
    const nowMs = clock.monotonicMs()
    if (!isDue && nowMs - this.#slowAtMs < slowEveryMs) return { slotState, missed }
    this.#slowAtMs = Number.NEGATIVE_INFINITY
    // The same questions are among those that it asks.
    if (missed) return { slotState, missed }
    try {
      const faults = await setup.faults(view)
      const found = await this.#slotState(slotState)
      this.#slowAtMs = nowMs
      return { faults, slotState: found }
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error
      return { slotState, missed: error }
    }
  }

  async #observe(state: ViewState, found: Fingerprint, doubts: readonly Doubt[]): Promise<void> {
    const { store, log } = this.#parts
    const after = encodeFingerprint(found)
    const { epoch, fingerprint: before } = state
    if (after === before && doubts.length === 0) return
    const said = new Set(state.doubts.map(({ name, reason }) => `${name} ${reason}`))
    if (!(await store.coordination.observe({ epoch, before, after, doubts }))) return
    for (const { code, name, reason, hint } of doubts) {
      if (!said.has(`${name} ${reason}`)) log.error({ code, reason, hint }, 'doubt raised')
    }
  }

  async #slotState(known: Fingerprint['slotState']): Promise<Fingerprint['slotState']> {
    const { setup, clock, log } = this.#parts
    const slot = await setup.slot()
    if (slot && isEndangered(slot) && known?.walStatus !== slot.walStatus) {
      log.warn({ ...slot, hint: slotHint }, 'the source is about to remove what the slot needs')
    }
    return slot && { ...slot, atMs: clock.wallMs() }
  }
}

/** What was known of the set-up, but for topics that no declaration needs any more. */
function knownOf({ fingerprint }: ViewState, topics: readonly string[]): Fingerprint | undefined {
  if (fingerprint === undefined) return undefined
  const known = decodeFingerprint(fingerprint)
  const needed = Object.entries(known.topics).filter(([topic]) => topics.includes(topic))
  return { ...known, topics: Object.fromEntries(needed) }
}

/** The log that the watermark speaks of had come further than it ends now. */
function isPutBack({ watermark, doubts }: ViewState, lsn: Lsn): boolean {
  if (watermark === undefined || lsn >= watermark) return false
  return doubts.every(({ code }) => code !== 'source-replaced')
}

function putBackDoubt(watermark: Lsn, lsn: Lsn, barrier: number): Doubt {
  return doubt('source-replaced', barrier, {
    reason:
      `the source's log ends at ${formatLsn(lsn)} and the view is at ${formatLsn(watermark)}: ` +
      'the database was put back to an earlier state',
    hint: 'See "When the source was put back" in the README: the connector needs a slot made anew.',
    restart: { how: 'forward', partitions: [] },
  })
}

/** In the place of the doubt that stood: partitions may pass what stopped them, and looks end it. */
function mendedDoubt({ name, tables, reason }: StandingDoubt, barrier: number): Doubt {
  const mended = doubt('source-was-unfit', barrier, { tables, reason: `until now, ${reason}` })
  return { ...mended, name }
}

function unfitDoubt(
  { message, hint }: MillraceError,
  faults: readonly { readonly table: string | undefined }[],
  barrier: number,
): Doubt {
  const tables = faults.map(({ table }) => table)
  const known = tables.every((table) => table !== undefined)
  return doubt('source-unfit', barrier, {
    reason: message,
    hint,
    tables: known ? [...new Set(tables)] : [],
  })
}
