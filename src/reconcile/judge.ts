/**
 * Compares one entry with what it must be: the truth at a snapshot, and what the changes give to it
 * that the snapshot does not see and that are applied.
 */
import type { Fields, Mutation } from '../mutation.ts'
import type { Correction } from '../store/audit.ts'
import { fitsInt64 } from '../store/checks.ts'
import {
  absentText,
  decodeEntry,
  decodeTold,
  type LookedAt,
  type ToldEntry,
  type ToldTally,
} from '../store/entry-text.ts'
import type { View } from '../view/view.ts'
import { compareCells, withUnseen } from './cells.ts'

export type Evidence = {
  readonly key: string
  /** Undefined where the source has nothing of the entry. */
  readonly truth: string | undefined
  readonly found: string
  /** Merged contributions of what the snapshot does not see. */
  readonly unseen: Mutation | undefined
}

/** One value that is not what it must be. `field` is `*` for the entry as a whole. */
export type Difference = {
  readonly key: string
  readonly field: string
  /** Of a tally: which item's amount it is. */
  readonly item?: string
  /** Of a tally: how many more items differ, of which these are the sums. */
  readonly more?: number
  readonly expected: string | null
  readonly found: string | null
}

export type Verdict =
  | ({ readonly kind: 'right' } & Uncompared)
  | ({
      readonly kind: 'wrong'
      readonly differences: readonly Difference[]
      readonly correction: Correction
    } & Uncompared)
  /** What lies there is nothing that a view keeps: it has to be moved aside first. */
  | { readonly kind: 'unreadable' }

type Uncompared = {
  /** Tallies that are too large to be told at once, which are looked at item by item. */
  readonly large?: readonly string[]
  /** Numbers that no counter can be: they stay as they are found. */
  readonly beyond?: readonly Difference[]
}

const right: Verdict = { kind: 'right' }

/** How a difference's field is called: `topArtists[42]`. */
export function nameOfField({
  field,
  item,
  more,
}: Pick<Difference, 'field' | 'item' | 'more'>): string {
  if (item !== undefined) return `${field}[${item}]`
  return more === undefined ? field : `${field}[${more} more]`
}

/** `unproved` are tables of which nothing can be told: what they give is not compared. */
export function judge(view: View, evidence: Evidence, unproved: ReadonlySet<string>): Verdict {
  const { layout } = view
  const { key, unseen } = evidence
  const truth = evidence.truth ?? absentText(layout)
  if (!unseen && truth === evidence.found && !mayHaveLarge(truth, view)) return right
  const found = decodeEntry(layout, evidence.found)
  if (!found) return { kind: 'unreadable' }
  const expected = expectedOf(truth, view, unseen)
  return compared(view, { key, expected, found }, unproved)
}

function expectedOf(truth: string, view: View, unseen: Mutation | undefined): Expected {
  const base = decodeTold(view.layout, truth)
  if (!base) throw new Error(`the source gave no entry: ${truth.slice(0, 100)}`)
  if (!unseen) return base
  const counts = Object.fromEntries(
    view.layout.counts.map((name) => {
      const number = base.counts[name] ?? 0n
      // What is no number does not become one.
      return [name, typeof number === 'bigint' ? number + (unseen.add[name] ?? 0n) : number]
    }),
  )
  const { put } = unseen
  const fields = put === undefined ? base.fields : put && whole(view, put)
  const tallies = new Map<string, ToldTally>()
  for (const [name, told] of base.tallies ?? []) {
    tallies.set(name, told === 'large' ? told : withUnseen(told, unseen, name))
  }
  return { fields, counts, tallies }
}

/** Whether a tally of the text may stand for more cells than are told. */
function mayHaveLarge(text: string, { layout }: View): boolean {
  return layout.tallies.length > 0 && text.includes('|*')
}

type Expected = Omit<ToldEntry, 'empty'>
type Compared = { readonly key: string; readonly expected: Expected; readonly found: LookedAt }

function compared(
  view: View,
  { key, expected, found }: Compared,
  unproved: ReadonlySet<string>,
): Verdict {
  const isUnproved = view.row !== undefined && unproved.has(view.row.table)
  const differences: Difference[] = []
  const beyond: Difference[] = []
  const add: Record<string, bigint> = {}
  let put: Fields | null | undefined
  for (const { stored, table } of view.counts) {
    if (unproved.has(table)) continue
    const [told, is] = [expected.counts[stored] ?? 0n, found.counts[stored] ?? null]
    const isHeld = typeof told === 'bigint' && fitsInt64(told)
    if (!isHeld) beyond.push({ key, field: stored, expected: String(told), found: shown(is) })
    const must = isHeld ? told : (is ?? 0n)
    // Putting the row makes its counters whole.
    const lacks = is === null && expected.fields !== null
    const missing = lacks && !isUnproved
    if (must === (is ?? 0n) && !missing) continue
    differences.push({ key, field: stored, expected: String(must), found: shown(is) })
    if (must !== (is ?? 0n)) add[stored] = must - (is ?? 0n)
    if (missing) put = expected.fields
  }
  if (!isUnproved) {
    const rows = rowDifferences(view, { key, expected, found })
    differences.push(...rows)
    if (rows.length > 0) put = expected.fields
  }
  const { cells, large, ...told } = tallyDifferences(view, { key, expected, found }, unproved)
  differences.push(...told.differences)
  const rest = {
    ...(large.length > 0 && { large }),
    ...(beyond.length > 0 && { beyond }),
  }
  if (differences.length === 0) return { ...right, ...rest }
  const amounts = cells.size > 0 ? { add, cells } : { add }
  return { kind: 'wrong', differences, correction: { entry: key, put, ...amounts }, ...rest }
}

function tallyDifferences(
  { tallies }: View,
  { key, expected, found }: Compared,
  unproved: ReadonlySet<string>,
) {
  const cells = new Map<string, ReadonlyMap<string, bigint>>()
  const differences: Difference[] = []
  const large: string[] = []
  for (const { stored, table } of tallies) {
    if (unproved.has(table)) continue
    const [must, is] = [expected, found].map((each) => each.tallies?.get(stored) ?? none)
    if (must === 'large' || is === 'large') {
      large.push(stored)
      continue
    }
    const differing = compareCells({ key, field: stored }, must!, is!)
    if (!differing) continue
    cells.set(stored, differing.lacking)
    differences.push(...differing.differences)
  }
  return { cells, differences, large }
}

const none: ReadonlyMap<string, bigint> = new Map()

function rowDifferences(view: View, { key, expected, found }: Compared): Difference[] {
  if (!expected.fields || !found.fields) {
    if (!expected.fields && !found.fields && !found.empty) return []
    const [must, is] = [expected, found].map(({ fields }) => (fields ? 'a row' : null))
    return [{ key, field: '*', expected: must!, found: found.empty ? 'an empty entry' : is! }]
  }
  const [must, is] = [expected.fields, found.fields]
  const fields = view.layout.fields.flatMap(({ name }) =>
    must[name] === is[name]
      ? []
      : [{ key, field: name, expected: must[name] ?? null, found: is[name] ?? null }],
  )
  return fields
}

function shown(count: bigint | null): string | null {
  return count === null ? null : String(count)
}

function whole(view: View, put: Fields): Fields {
  return Object.fromEntries(view.layout.fields.map(({ name }) => [name, put[name] ?? null]))
}
