import type { Clock } from '../clock.ts'
import { MillraceError } from '../errors.ts'
import type { View } from '../view/view.ts'
import type { Entry } from '../mutation.ts'
import { formatLsn, type Lsn } from '../position.ts'
import type { ViewReader } from '../store/store.ts'

/** What SQL says of entries. Rejects with a retriable MillraceError while the source is away. */
export type Truth = {
  /** Keys of every entry, in pages. */
  keys(): AsyncIterable<readonly string[]>
  /** Those of `keys` that exist, by key. */
  entries(keys: readonly string[]): Promise<ReadonlyMap<string, Entry>>
}

export type VerifyParts = {
  readonly view: View
  readonly truth: Truth
  readonly reader: ViewReader
  /** Emits a marker after everything committed so far, and answers an LSN beyond all of it. */
  readonly mark: () => Promise<Lsn>
  readonly clock: Clock
  /** How long the view may take to pass a marker. */
  readonly waitMs: number
  /** Told now and then how many entries were compared. */
  readonly onProgress: (entries: number) => void
}

/** One entry that is not what SQL says. `field` is undefined when the whole entry is. */
export type Difference = {
  readonly key: string
  readonly field: string | undefined
  readonly sql: string | null
  readonly view: string | null
}

export type Verdict = {
  readonly entries: number
  readonly fields: number
  readonly differences: readonly Difference[]
  /** Keys that never held still long enough to be told. */
  readonly undecided: readonly string[]
}

const readPage = 1_000
const roundsToDiffer = 3
const roundsMax = 12
const betweenRoundsMs = 200

/**
 * Compares every entry with SQL while both move: truth `S1`, a marker after it, the watermark
 * beyond the marker, the view, truth `S2`. Equal to `S1` or `S2` is equal. Anything else is looked
 * at again, and is a difference only if it stays the same difference in three rounds with SQL
 * unchanged. Entries that the store has and SQL has not are found by a scan of the store.
 */
export async function verify(parts: VerifyParts): Promise<Verdict> {
  const seen = new Set<string>()
  const suspects = new Set<string>()
  for await (const keys of parts.truth.keys()) {
    for (const key of keys) seen.add(key)
    for (const key of (await compare(parts, keys)).keys()) suspects.add(key)
    parts.onProgress(seen.size)
  }
  const { differences, undecided } = await decide(parts, suspects)
  differences.push(...(await strangers(parts, seen)))
  const { fields, counts } = parts.view.layout
  return {
    entries: seen.size,
    fields: seen.size * (1 + fields.length + counts.length),
    differences,
    undecided,
  }
}

type Doubt = { readonly sql: string; readonly view: string; readonly differences: Difference[] }

/** The entries in which the view is neither what SQL said before nor what it says after. */
async function compare(
  parts: VerifyParts,
  keys: readonly string[],
): Promise<ReadonlyMap<string, Doubt>> {
  const { truth, view } = parts
  const before = await truth.entries(keys)
  await passed(parts, await parts.mark())
  const found = await readAll(parts, keys)
  const after = await truth.entries(keys)
  const doubts = new Map<string, Doubt>()
  for (const key of keys) {
    const stored = text(view, found.get(key))
    const sql = text(view, after.get(key))
    if (stored === sql || stored === text(view, before.get(key))) continue
    const differences = differencesOf(view, key, after.get(key), found.get(key))
    doubts.set(key, { sql, view: stored, differences })
  }
  return doubts
}

/** Looks again at what was doubtful until it is equal, or the same difference often enough. */
async function decide(parts: VerifyParts, suspects: Iterable<string>) {
  const same = new Map<string, { doubt: Doubt; rounds: number }>()
  const differences: Difference[] = []
  let open = [...suspects]
  for (let round = 0; round < roundsMax && open.length > 0; round += 1) {
    if (round > 0) await parts.clock.sleep(betweenRoundsMs)
    const doubts = await compare(parts, open)
    const next: string[] = []
    for (const [key, doubt] of doubts) {
      const known = same.get(key)
      const held = known?.doubt.sql === doubt.sql && known.doubt.view === doubt.view
      const rounds = held ? known.rounds + 1 : 1
      same.set(key, { doubt, rounds })
      if (rounds >= roundsToDiffer) differences.push(...doubt.differences)
      else next.push(key)
    }
    open = next
  }
  return { differences, undecided: open }
}

/** Entries of the store whose key SQL does not have, neither at first nor after three looks. */
async function strangers(
  parts: VerifyParts,
  seen: ReadonlySet<string>,
): Promise<readonly Difference[]> {
  let suspects: ReadonlySet<string> | undefined
  for (let round = 0; round < roundsToDiffer; round += 1) {
    const before = suspects
    const lying = await keysOfStore(parts, (key) => (before ? before.has(key) : !seen.has(key)))
    const existing = await parts.truth.entries(lying)
    suspects = new Set(lying.filter((key) => !existing.has(key)))
    if (suspects.size === 0) return []
    await passed(parts, await parts.mark())
  }
  return [...(suspects ?? [])].map((key) => ({
    key,
    field: undefined,
    sql: null,
    view: 'an entry',
  }))
}

async function keysOfStore({ reader }: VerifyParts, wanted: (key: string) => boolean) {
  const keys = new Set<string>()
  for await (const page of reader.scan()) {
    for (const { key } of page) if (wanted(key)) keys.add(key)
  }
  return [...keys]
}

async function readAll(
  { reader }: VerifyParts,
  keys: readonly string[],
): Promise<ReadonlyMap<string, Entry>> {
  const found = new Map<string, Entry>()
  for (let first = 0; first < keys.length; first += readPage) {
    const result = await reader.read(keys.slice(first, first + readPage))
    if (result.kind !== 'serving') throw notServing(result.phase)
    for (const entry of result.entries) if (entry) found.set(entry.key, entry)
  }
  return found
}

/** Waits until the watermark has passed `lsn`, bounded. */
async function passed({ reader, clock, waitMs }: VerifyParts, lsn: Lsn): Promise<void> {
  const deadline = clock.monotonicMs() + waitMs
  for (;;) {
    const result = await reader.read([])
    if (result.kind === 'serving' && result.watermark >= lsn) return
    if (clock.monotonicMs() > deadline) {
      if (result.kind !== 'serving') throw notServing(result.phase)
      throw new MillraceError(
        'behind',
        `the view has not passed ${formatLsn(lsn)} within ${waitMs / 1000} s; it stands at ` +
          formatLsn(result.watermark),
        { hint: 'GET /ready and the log of the worker say what holds it up.' },
      )
    }
    await clock.sleep(50)
  }
}

function notServing(phase: string): MillraceError {
  return new MillraceError('not-serving', `the view does not serve (${phase})`, {
    retriable: true,
    hint: 'It is being built, or no worker runs: GET /ready and the log of the worker say which.',
  })
}

function differencesOf(
  view: View,
  key: string,
  sql: Entry | undefined,
  stored: Entry | undefined,
): Difference[] {
  if (!sql || !stored) {
    const [said, shown] = [text(view, sql), text(view, stored)]
    return [{ key, field: undefined, sql: sql ? said : null, view: stored ? shown : null }]
  }
  const [said, shown] = [valuesOf(view, sql), valuesOf(view, stored)]
  return Object.keys(said)
    .filter((field) => said[field] !== shown[field])
    .map((field) => ({ key, field, sql: said[field] ?? null, view: shown[field] ?? null }))
}

function text(view: View, entry: Entry | undefined): string {
  return entry ? JSON.stringify(valuesOf(view, entry)) : ''
}

/** As stored and not as shown: a count below zero must not pass for 0. */
function valuesOf({ layout }: View, { fields, counts }: Entry): Record<string, string | null> {
  return Object.fromEntries([
    ...layout.fields.map(({ name }) => [name, fields[name] ?? null] as const),
    ...layout.counts.map((name) => [name, String(counts[name] ?? 0n)] as const),
  ])
}
