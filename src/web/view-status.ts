import { knownSlotState } from '../coordinate/fingerprint.ts'
import type { OwnView } from '../coordinate/view-plan.ts'
import { boundText, timePartsOf } from '../keep.ts'
import { formatLsn } from '../position.ts'
import type { PassState } from '../reconcile/pass-state.ts'
import { ninesOf } from '../reconcile/statistics.ts'
import type { StoreStatus } from '../store/reader.ts'
import type { Problem, StandingDoubt, ViewState } from '../store/state.ts'
import type { Seen } from './served-view.ts'

/** One view as `GET /status` shows it. Times are ISO 8601; `null` stands for what is not known. */
export type ViewStatus = {
  readonly name: string
  /** Of the own declaration: `unknown` until the store has answered, `absent` if it is not there. */
  readonly phase: 'unknown' | 'absent' | 'building' | 'serving'
  /** Those that lie in the store, the newest last; `own` is the one that this process serves. */
  readonly declarations: readonly {
    readonly id: string
    readonly complete: boolean
    readonly own: boolean
  }[]
  readonly epoch: string | null
  /** As Postgres prints an LSN. */
  readonly watermark: string | null
  /** How long ago everything committed then was known to be in the view. */
  readonly ageMs: number | null
  /** The time before which entries are let go, as keys have it; `null` where all are kept. */
  readonly keptFrom: string | null
  readonly doubts: readonly DoubtStatus[]
  readonly pass: PassStatus | null
  readonly looks: LooksStatus | null
  /** Records that could not be decoded. */
  readonly parked: number | null
  /** What stands still, and why. */
  readonly problems: readonly ProblemStatus[]
  /** The connector's replication slot; looked at every 30 s, `null` until then or where none is. */
  readonly slot: SlotStatus | null
  /** Keys that the store has dropped by itself to make room. */
  readonly evicted: number | null
  /** How long ago the store was asked for all this. */
  readonly askedMsAgo: number | null
}

export type DoubtStatus = {
  readonly code: string
  readonly reason: string
  readonly hint: string | null
  readonly since: string
  /** Whose contributions may be wrong; empty for all. */
  readonly tables: readonly string[]
}

/** How far the comparison with the source is. */
export type PassStatus = {
  readonly lap: number
  readonly kind: PassState['kind']
  readonly section: PassState['section']
  /** Entries looked at in this lap. */
  readonly entries: number
  readonly started: string
  /** Tables of which something could not be told in this lap. */
  readonly unproved: readonly string[]
  readonly last: {
    readonly kind: PassState['kind']
    readonly ended: string
    readonly ageMs: number
    readonly tookMs: number
    readonly entries: number
    readonly unproved: readonly string[]
  } | null
}

/** What all looks have found since the view was begun. */
export type LooksStatus = {
  readonly looks: number
  readonly entries: number
  readonly wrong: number
  readonly healed: number
  /** Entries that were removed, for they were too old to be kept. */
  readonly letGo: number
  /** Consistency in nines: 3 means that one of a thousand entries looked at was wrong. */
  readonly nines: { readonly hour: number | null; readonly day: number | null }
  /** The latest wrong values, the newest last: counters as they are, of anything else a hash. */
  readonly latest: readonly {
    readonly key: string
    readonly field: string
    readonly expected: string | null
    readonly found: string | null
    readonly at: string
    readonly healed: boolean
  }[]
}

export type SlotStatus = {
  readonly active: boolean
  /** As Postgres says it: `reserved`, `extended`, `unreserved` or `lost`. */
  readonly walStatus: string
  /** Bytes of write-ahead log that the source keeps for it. */
  readonly walBytes: number
  readonly seen: string
}

export type ProblemStatus = {
  /** A topic partition, or a word for another part as `connector`. */
  readonly place: string
  readonly code: string
  readonly message: string
  readonly hint: string | null
  readonly since: string
}

/** `wallMs` is now, milliseconds since 1970. */
export function viewStatusOf(own: OwnView, seen: Seen, wallMs: number): ViewStatus {
  const { status, pass, agoMs } = seen
  const state = status?.state
  return {
    name: own.view.name,
    phase: phaseOf(own, status),
    declarations: (state?.declarations ?? []).map(({ id, complete }) => ({
      id,
      complete,
      own: id === own.id,
    })),
    epoch: state?.epoch ?? null,
    watermark: state?.watermark === undefined ? null : formatLsn(state.watermark),
    ageMs: status?.ageMs === undefined ? null : Math.round(status.ageMs + agoMs),
    keptFrom: keptFrom(own, state),
    doubts: (state?.doubts ?? []).map(doubtStatus),
    pass: pass ? passStatus(pass, wallMs) : null,
    looks: pass ? looksStatus(pass, wallMs) : null,
    parked: status?.parked ?? null,
    problems: [...(status?.problems ?? [])].map(([place, each]) => problemStatus(place, each)),
    slot: slotStatus(state?.fingerprint),
    evicted: status?.evicted ?? null,
    askedMsAgo: status ? Math.round(agoMs) : null,
  }
}

function keptFrom({ view: { key } }: OwnView, state: ViewState | undefined): string | null {
  const [at] = timePartsOf(key)
  if (at === undefined || state?.keepFrom === undefined) return null
  return boundText(key[at]!, state.keepFrom)
}

function phaseOf(own: OwnView, status: StoreStatus | undefined): ViewStatus['phase'] {
  if (status === undefined) return 'unknown'
  return status.state ? phaseIn(status.state, own) : 'absent'
}

function phaseIn({ declarations, watermark }: ViewState, own: OwnView): ViewStatus['phase'] {
  const kept = declarations.find(({ id }) => id === own.id)
  if (kept === undefined) return 'absent'
  return kept.complete && watermark !== undefined ? 'serving' : 'building'
}

function doubtStatus({ code, reason, hint, sinceMs, tables }: StandingDoubt): DoubtStatus {
  return { code, reason, hint: hint ?? null, since: iso(sinceMs), tables }
}

function problemStatus(place: string, { code, message, hint, sinceMs }: Problem): ProblemStatus {
  return { place, code, message, hint: hint ?? null, since: iso(sinceMs) }
}

function slotStatus(fingerprint: string | undefined): SlotStatus | null {
  const slot = knownSlotState(fingerprint)
  if (!slot) return null
  const { active, walStatus, walBytes, atMs } = slot
  return { active, walStatus, walBytes, seen: iso(atMs) }
}

function passStatus(pass: PassState, wallMs: number): PassStatus {
  const { lap, kind, section, entries, startedAtMs, unproved, ended } = pass
  const last = ended && {
    kind: ended.kind,
    ended: iso(ended.atMs),
    ageMs: Math.max(0, Math.round(wallMs - ended.atMs)),
    tookMs: Math.round(ended.tookMs),
    entries: ended.entries,
    unproved: ended.unproved,
  }
  return { lap, kind, section, entries, started: iso(startedAtMs), unproved, last }
}

function looksStatus({ statistics }: PassState, wallMs: number): LooksStatus {
  const { looks, entries, wrong, healed, letGo, latest } = statistics
  const { hour, day } = ninesOf(statistics, wallMs)
  return {
    looks,
    entries,
    wrong,
    healed,
    letGo,
    nines: { hour: hour ?? null, day: day ?? null },
    latest: latest.map(({ atMs, ...each }) => ({ ...each, at: iso(atMs) })),
  }
}

function iso(wallMs: number): string {
  return new Date(wallMs).toISOString()
}
