/** How far the comparison of a view with its source is, as it lies in the store. */
import { z } from 'zod'
import type { KafkaOffset } from '../position.ts'
import type { Doubt, Offsets, StandingDoubt, ViewState } from '../store/state.ts'
import { noStatistics, statisticsSchema } from './statistics.ts'

/** Why a lap is run: `build` and `doubt` go at full pace. */
const kind = z.enum(['build', 'doubt', 'steady'])

const offsets = z
  .record(z.string(), z.string())
  .transform(
    (record) => new Map(Object.entries(record).map(([k, v]) => [k, BigInt(v) as KafkaOffset])),
  )

const anOffset = z.string().transform((text) => BigInt(text) as KafkaOffset)

const schema = z.object({
  /** Counts the laps, from 1 on. */
  lap: z.number(),
  kind,
  /**
   * First the keys in the source's order, then those that the store has, and where the lap is for
   * more than to see that all is right those that changes in the log have touched meanwhile.
   */
  section: z.enum(['rows', 'store', 'log']),
  /** The key up to which, or the cursor from which, the section is done; null at its beginning. */
  after: z.string().nullable(),
  /** What is left of the log in the last section, by partition. */
  unread: z
    .record(z.string(), z.object({ from: anOffset, to: anOffset }))
    .transform((record) => new Map(Object.entries(record))),
  /** Anchor of the lap's first look; no later one stands before it. Null until then. */
  anchor: z.object({ number: z.number(), from: offsets }).nullable(),
  /** No row that is older than this transaction is new to the lap. */
  since: z.string().nullable(),
  /** Ids of the declarations that the lap has looked at from its beginning. */
  declarations: z.array(z.string()),
  /** Tables of which something could not be told in this lap. */
  unproved: z.array(z.string()),
  /** Tables of which it has met a number that no counter can be. */
  beyond: z.array(z.string()).default([]),
  /**
   * Random text, another one after each correction: a store that went back to before one has an
   * earlier one, so a lap can't go on as if what it has put in were there.
   */
  mark: z.string().default(''),
  startedAtMs: z.number(),
  entries: z.number(),
  ended: z
    .object({
      kind,
      atMs: z.number(),
      tookMs: z.number(),
      entries: z.number(),
      unproved: z.array(z.string()),
    })
    .nullable(),
  /** Barrier that looks have to stand behind: doubts that reach so far were ended before. */
  floor: z.number(),
  /** Ids of doubts that a lap at full pace has not ended: another one would not either. */
  futile: z.array(z.string()),
  /** Ids of doubts that no lap can end while a transaction is open that is older. */
  held: z.array(z.string()).default([]),
  /** Milliseconds for which laps for doubts had the right to full pace on this day, UTC. */
  fullPace: z.object({ day: z.string(), ms: z.number() }),
  statistics: statisticsSchema,
})

export type PassState = Readonly<z.infer<typeof schema>>
export type LapKind = PassState['kind']

export function decodePass(text: string | undefined): PassState | undefined {
  return text === undefined ? undefined : schema.parse(JSON.parse(text))
}

export function encodePass(pass: PassState): string {
  return JSON.stringify(pass, (_, value: unknown) => {
    if (typeof value === 'bigint') return value.toString()
    return value instanceof Map ? Object.fromEntries(value) : value
  })
}

/** The beginning of a lap, after `before`. */
export function newLap(
  before: PassState | undefined,
  lapKind: LapKind,
  state: ViewState,
  nowMs: number,
): PassState {
  return {
    lap: (before?.lap ?? 0) + 1,
    kind: lapKind,
    section: 'rows',
    after: null,
    unread: new Map(),
    anchor: null,
    since: null,
    declarations: state.declarations.map(({ id }) => id),
    unproved: [],
    beyond: [],
    mark: before?.mark ?? '',
    startedAtMs: nowMs,
    entries: 0,
    ended: before?.ended ?? null,
    floor: before?.floor ?? 0,
    futile: before?.futile ?? [],
    held: before?.held ?? [],
    fullPace: before?.fullPace ?? { day: '', ms: 0 },
    statistics: before?.statistics ?? noStatistics,
  }
}

/** Doubts that a lap is of use for: no other has to be made first, and the set-up fits again. */
export function curable({ doubts }: Pick<ViewState, 'doubts'>): readonly StandingDoubt[] {
  return doubts.filter(
    ({ restart, code, keys }) => !restart && code !== 'source-unfit' && keys.length === 0,
  )
}

/** Those of them that no lap at full pace has left standing. */
export function endable(
  state: Pick<ViewState, 'doubts'>,
  pass: Pick<PassState, 'futile'> | undefined,
): readonly StandingDoubt[] {
  const futile = new Set(pass?.futile)
  return curable(state).filter(({ id }) => !futile.has(id))
}

/** What the next look is for. */
export function lapKindFor(
  state: ViewState,
  pass: PassState | undefined,
  budgetMs: number,
  nowMs: number,
): LapKind {
  if (state.declarations.some(({ complete }) => !complete)) return 'build'
  const held = new Set(pass?.held)
  if (endable(state, pass).every(({ id }) => held.has(id))) return 'steady'
  return spentMs(pass, nowMs) < budgetMs ? 'doubt' : 'steady'
}

export function spentMs(pass: PassState | undefined, nowMs: number): number {
  return pass?.fullPace.day === dayOf(nowMs) ? pass.fullPace.ms : 0
}

/** The same after the right to full pace was held for so long: laps for doubts spend of the day. */
export function charged(pass: PassState, heldMs: number, nowMs: number): PassState {
  if (pass.kind !== 'doubt') return pass
  return { ...pass, fullPace: { day: dayOf(nowMs), ms: spentMs(pass, nowMs) + heldMs } }
}

export function dayOf(nowMs: number): string {
  return new Date(nowMs).toISOString().slice(0, 10)
}

/** Whether looks whose anchors begin there reach behind all that the doubt is about. */
export function reaches(
  anchor: { readonly number: number; readonly from: Offsets },
  { barrier, offsets: needed }: Pick<Doubt, 'barrier' | 'offsets'>,
): boolean {
  if (anchor.number < barrier) return false
  return [...needed].every(([name, offset]) => (anchor.from.get(name) ?? -1n) >= offset)
}

/**
 * The barrier that looks have to stand behind. What a doubt is about may be missing in the log from
 * an earlier one on: no doubt that stands may reach beyond the look, nor one that was ended since.
 */
export function floorOf({ doubts, pass }: Pick<ViewState, 'doubts' | 'pass'>): number {
  return Math.max(decodePass(pass)?.floor ?? 0, ...doubts.map(({ barrier }) => barrier))
}

/** Ids of the doubts that a lap which is at its end has cured. */
export function cured(
  state: ViewState,
  { anchor, unproved, beyond }: PassState,
): readonly string[] {
  if (!anchor) return []
  return state.doubts
    .filter(({ restart, keys }) => !restart && keys.length === 0)
    .filter((doubt) => reaches(anchor, doubt))
    .filter((doubt) => isProved(doubt, new Set(unproved)))
    .filter(
      ({ code, tables }) =>
        code !== 'number-beyond-64-bits' || !tables.some((table) => beyond.includes(table)),
    )
    .map(({ id }) => id)
}

/** Whether something could be told of all tables that the doubt is about. */
export function isProved(
  { tables }: Pick<Doubt, 'tables'>,
  unproved: ReadonlySet<string>,
): boolean {
  return tables.length === 0 ? unproved.size === 0 : !tables.some((table) => unproved.has(table))
}

/** Ids of the declarations that such a lap has completed. */
export function completed(
  state: ViewState,
  { declarations, unproved }: PassState,
): readonly string[] {
  if (unproved.length > 0) return []
  return state.declarations
    .filter(({ id, complete }) => !complete && declarations.includes(id))
    .map(({ id }) => id)
}

/** The state as it will be when these doubts are ended and these declarations complete. */
export function withoutEnded(
  state: ViewState,
  ended: ReadonlySet<string>,
  done: readonly string[],
): ViewState {
  const declarations = state.declarations.map((each) =>
    done.includes(each.id) ? { ...each, complete: true } : each,
  )
  return { ...state, declarations, doubts: state.doubts.filter(({ id }) => !ended.has(id)) }
}

/** Doubts that the lap stood behind, and that it did not end all the same. */
export function futileOf(
  state: ViewState,
  { anchor }: PassState,
  ended: ReadonlySet<string>,
): string[] {
  const left = curable(state).filter((doubt) => !ended.has(doubt.id))
  return left.flatMap((doubt) => (anchor && reaches(anchor, doubt) ? [doubt.id] : []))
}

/** Whether a lap under way is of no use for what has to be done now. */
export function isStale(pass: PassState, state: ViewState, wanted: LapKind): boolean {
  const ids = state.declarations.map(({ id }) => id)
  // What has gone takes its fields with it, also where the lap has filled them in: if it comes again,
  // the lap must not know it.
  if (!pass.declarations.every((id) => ids.includes(id))) return true
  if (wanted === 'build') {
    if (pass.kind !== 'build') return true
    return !ids.every((id) => pass.declarations.includes(id))
  }
  // Of one that is held, the next look tells whether another would end what is doubted by now.
  return wanted === 'doubt' && pass.kind === 'steady' && pass.held.length === 0
}
