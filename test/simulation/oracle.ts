/**
 * Knows what each entry has to be at each moment, computed from the rows' history and from where
 * each change stands in the log, apart from the code under test. What it can't be is excused by a
 * doubt that stands, by a fault that nobody can know of yet, and by an error planted by hand: all
 * else fails the schedule at the very step that made it wrong.
 */
import { mergedView } from '../../src/coordinate/view-plan.ts'
import { isZero, type MemoryData } from '../../src/store/memory/data.ts'
import type { StandingDoubt } from '../../src/store/state.ts'
import { decodeView } from '../../src/view/declarations.ts'
import {
  rowGroupsOf,
  type Count,
  type RowGroup,
  type Tally,
  type View,
} from '../../src/view/view.ts'
import type { Value } from '../../src/change.ts'
import type { LogEntry, RowChange } from './database.ts'
import { isBelow, keyOf } from './keys.ts'
import { cellOf, weightOf } from './tables.ts'
import type { Partition } from './topics.ts'

/** A fault outside of the store that makes entries wrong before anything can have noticed it. */
export type Taint = {
  readonly what: string
  /** Empty means all. */
  readonly tables: readonly string[]
  /** How far the source's log was then. */
  readonly sinceLsn: number
  /** Whether who has compared this fingerprint with an earlier one has noticed it, */
  readonly isKnownTo?: (fingerprint: string) => boolean
  /** or whether this doubt, raised after it, is about it. */
  readonly isNoticedBy?: (doubt: StandingDoubt) => boolean
  /** Whether it is moot once this partition's checkpoint was moved to where a barrier begins. */
  readonly isLeftBehindBy?: (partition: string) => boolean
  /** Whether nothing but looks will ever find it. */
  readonly isSilent?: () => boolean
  noticed: boolean
  silent: boolean
}

/** Names of components. */
export type Components = { has(component: string): boolean }

/** A component of an entry that is not what it has to be. */
export type Mismatch = {
  readonly key: string
  /** `row`, the stored name of a count, or that of a tally with an item: `topMentions[4]`. */
  readonly component: string
  readonly table: string
  readonly expected: string
  readonly found: string
  readonly excuse: 'planted' | 'doubt' | 'unnoticed' | 'vanished' | undefined
}

export type OracleParts = {
  readonly data: MemoryData
  /** The columns by which rows belong to entries, by table. */
  readonly countedBy: Readonly<Record<string, readonly (readonly string[])[]>>
  readonly lsn: () => number
  readonly births: readonly RowChange[]
  /** Called when doubts stand that did not stand before. */
  readonly doubted: (doubts: readonly StandingDoubt[]) => void
}

/** What the oracle itself remembers of a store, to be put back with it. */
export type OracleMemory = {
  readonly planted: ReadonlySet<string>
  readonly unnoticed: readonly Taint[]
  readonly madeBefore: number
}

export class Oracle {
  readonly #parts: OracleParts
  /** Changes by table and columns that they are counted by, and by entry; in the order of commits. */
  readonly #byCount = new Map<string, Map<string, RowChange[]>>()
  readonly #byOwner = new Map<string, RowChange[]>()
  readonly #taints: Taint[] = []
  /** Entries that came to nothing while they were wrong, so that a lap may not have met them. */
  readonly #vanished = new Set<string>()
  /** `key component` of errors planted by hand, as long as they stand. */
  #planted = new Set<string>()
  #doubts: readonly StandingDoubt[] = []
  #merged: { readonly of: unknown; readonly view: View; readonly complete: Set<string> } | undefined

  constructor(parts: OracleParts) {
    this.#parts = parts
    for (const change of parts.births) this.#index(change)
  }

  /** A transaction has committed. */
  committed(entry: LogEntry): void {
    for (const change of entry.changes) this.#index(change)
  }

  written(change: RowChange, log: Partition, at: { partition: string; offset: number }): void {
    if (change.emitted && change.emitted.log.current) return
    change.emitted = { log, ...at }
    change.lost = false
  }

  taint(given: Omit<Taint, 'sinceLsn' | 'noticed' | 'silent'>): void {
    const silent = given.isSilent?.() ?? false
    this.#taints.push({ ...given, sinceLsn: this.#parts.lsn(), noticed: false, silent })
  }

  /** The view begins with this set-up: what was before its barrier does not matter to it. */
  begun(fingerprint: string, barrierLsn: number): void {
    this.#planted.clear()
    for (const taint of this.#taints) {
      taint.noticed = taint.isKnownTo ? taint.isKnownTo(fingerprint) : taint.sinceLsn < barrierLsn
      taint.silent ||= taint.isSilent?.() ?? false
    }
    this.#doubts = []
  }

  /** The partition's checkpoint was moved, and all that was left out is in doubt. */
  restarted(partition: string): void {
    for (const taint of this.#taints) taint.noticed ||= taint.isLeftBehindBy?.(partition) ?? false
  }

  /** The set-up was compared, and what differs is in doubt. */
  observed(fingerprint: string): void {
    for (const taint of this.#taints) {
      if (!taint.noticed && taint.isKnownTo?.(fingerprint)) taint.noticed = true
    }
  }

  plant(key: string, component: string): void {
    this.#planted.add(`${key} ${component}`)
  }

  get unnoticed(): readonly Taint[] {
    return this.#taints.filter(({ noticed }) => !noticed)
  }

  /** Those among them that concern what is served. */
  get unnoticedServed(): readonly Taint[] {
    return this.unnoticed.filter(
      ({ tables, silent, isSilent }) =>
        !silent &&
        !isSilent?.() &&
        (tables.length === 0 || tables.some((table) => this.isServed(table))),
    )
  }

  get plantedLeft(): number {
    return this.#planted.size
  }

  remember(): OracleMemory {
    return {
      planted: new Set(this.#planted),
      unnoticed: this.unnoticed,
      madeBefore: this.#taints.length,
    }
  }

  /** The store has gone back to that moment, or has lost everything. */
  recall(memory: OracleMemory): void {
    this.#planted = new Set(memory.planted)
    for (const [index, taint] of this.#taints.entries()) {
      if (index >= memory.madeBefore || memory.unnoticed.includes(taint)) taint.noticed = false
      taint.silent ||= taint.isSilent?.() ?? false
    }
    this.#doubts = []
    this.noteDoubts()
  }

  /** Doubts that were raised since the last call notice what they are about. */
  noteDoubts(): void {
    const state = this.#parts.data.state
    const doubts = state?.doubts ?? []
    if (doubts === this.#doubts) return
    if (doubts.length > 0) this.#parts.doubted(doubts)
    const known = new Set(this.#doubts.map(({ id }) => id))
    for (const doubt of doubts) {
      if (known.has(doubt.id)) continue
      for (const taint of this.#taints) {
        if (!taint.noticed && taint.isNoticedBy?.(doubt)) taint.noticed = true
      }
    }
    this.#doubts = doubts
  }

  /** Counts of which one above zero says that an entry is there; none where its row says so. */
  get presence(): readonly string[] {
    const { state } = this.#parts.data
    return state ? this.#declared(state.declarations).view.layout.presence : []
  }

  /** Every key that something may be said of. */
  keys(): Set<string> {
    const keys = new Set([...this.#byOwner.keys(), ...this.#parts.data.entries.keys()])
    for (const byKey of this.#byCount.values()) for (const key of byKey.keys()) keys.add(key)
    return keys
  }

  /** What is not as it has to be, of these keys, by the checkpoints of this moment. */
  mismatches(keys: Iterable<string> = this.keys(), table?: string): Mismatch[] {
    const { state } = this.#parts.data
    if (!state) return []
    const { complete } = this.#declared(state.declarations)
    return this.#compared(keys, table, complete)
  }

  #compared(
    keys: Iterable<string>,
    table: string | undefined,
    complete: ReadonlySet<string>,
  ): Mismatch[] {
    const { data } = this.#parts
    const { view } = this.#declared(data.state!.declarations)
    const found: Mismatch[] = []
    for (const key of keys) {
      // Nobody is shown what is below the bound, and nothing keeps it right.
      if (this.isBelow(key)) continue
      const held = data.entries.get(key)
      if (view.row && complete.has('*') && (!table || table === view.row.table)) {
        const names = view.row.fields.filter(({ stored }) => complete.has(stored))
        const is = held?.fields && names.map(({ stored }) => held.fields![stored] ?? null)
        const row = this.#exactRow(key)
        const must = row && names.map(({ column }) => textOf(row[column]))
        this.#compare(found, { key, component: 'row', table: view.row.table }, [must, is])
      }
      for (const count of view.counts) {
        const { stored, table: of } = count
        if (!complete.has(stored) || (table && table !== of)) continue
        const must = this.exactCount(count, key)
        const is = held?.counts[stored] ?? 0n
        this.#compare(found, { key, component: stored, table: of }, [must, is])
      }
      for (const tally of view.tallies) {
        const { stored, table: of } = tally
        if (!complete.has(stored) || (table && table !== of)) continue
        const must = this.exactCells(tally, key)
        const is = held?.tallies?.get(stored)
        for (const item of new Set([...must.keys(), ...(is?.keys() ?? [])])) {
          const component = componentOf(stored, item)
          const amounts = [must.get(item) ?? 0n, is?.get(item) ?? 0n] as const
          this.#compare(found, { key, component, table: of }, amounts)
        }
      }
    }
    return found
  }

  /** Entries that a change may give something to. */
  keysOf({ table, name, before, after }: RowChange): readonly string[] {
    if (table === 'users') return [name]
    const groups = this.#parts.countedBy[table] ?? []
    return groups.flatMap((by) => [keyOf(before, by) ?? [], keyOf(after, by) ?? []].flat())
  }

  /** Whether the entry is below the bound of what is kept, as the store has it. */
  isBelow(key: string): boolean {
    return isBelow(key, this.#parts.data.state?.keepFrom)
  }

  /** Those that nothing excuses. */
  errors(keys?: Iterable<string>, table?: string): Mismatch[] {
    return this.mismatches(keys, table).filter(({ excuse }) => excuse === undefined)
  }

  excuseFor(key: string, table: string): 'doubt' | 'unnoticed' | undefined {
    const covers = ({ tables }: { readonly tables: readonly string[] }) =>
      tables.length === 0 || tables.includes(table)
    const doubts = this.#parts.data.state?.doubts ?? []
    if (doubts.some((doubt) => covers(doubt) && (!doubt.keys.length || doubt.keys.includes(key)))) {
      return 'doubt'
    }
    return this.#taints.some((taint) => !taint.noticed && covers(taint)) ? 'unnoticed' : undefined
  }

  isPlanted(key: string, component: string): boolean {
    return this.#planted.has(`${key} ${component}`)
  }

  /** Components of the entry that are as they have to be, and that nothing excuses. */
  rightComponents(key: string): Components {
    const { state } = this.#parts.data
    if (!state || this.isBelow(key)) return { has: () => false }
    const { view, complete } = this.#declared(state.declarations)
    const wrong = new Set(this.mismatches([key]).map(({ component }) => component))
    const right = (component: string, table: string) =>
      complete.has(component) && !wrong.has(component) && !this.excuseFor(key, table)
    const groups = rowGroupsOf(view).filter(({ stored, table }) => right(stored, table))
    const found = new Set(groups.map(({ stored }) => stored))
    const fields = view.row?.fields ?? []
    const whole = fields.every(({ stored }) => complete.has(stored))
    const row = whole && !wrong.has('row') && !this.#isEmpty(key)
    if (row && (!view.row || right('*', view.row.table))) found.add('row')
    return { has: (component) => found.has(groupOf(component)) && !wrong.has(component) }
  }

  /** What is left of an entry whose declaration was ended lies there until it is swept. */
  #isEmpty(key: string): boolean {
    const { state, entries } = this.#parts.data
    const held = entries.get(key)
    if (!held || held.fields || held.tallies) return false
    return isZero(held.counts, this.#declared(state!.declarations).view.layout)
  }

  /** Whether anything is served that comes of this table. */
  isServed(table: string): boolean {
    const { state } = this.#parts.data
    if (!state) return false
    const { view, complete } = this.#declared(state.declarations)
    if (table === view.row?.table) return complete.has('*')
    return rowGroupsOf(view).some((each) => each.table === table && complete.has(each.stored))
  }

  /**
   * A commit came by an entry, and nothing is there. Where that is wrong, neither the source's
   * order, which may have passed it, nor the store's keys lead a lap to it: the next lap finds it.
   */
  vanished(key: string): void {
    if (this.#isWrong(key)) this.#vanished.add(key)
  }

  /** Whether served or not yet. */
  #isWrong(key: string): boolean {
    const { state, entries } = this.#parts.data
    if (!state || this.isBelow(key)) return false
    const { view } = this.#declared(state.declarations)
    const held = entries.get(key)
    if (Boolean(held?.fields) !== Boolean(this.#exactRow(key))) return true
    const isOther = (count: Count) =>
      this.exactCount(count, key) !== (held?.counts[count.stored] ?? 0n)
    if (view.counts.some(isOther)) return true
    return view.tallies.some((tally) => {
      const must = this.exactCells(tally, key)
      const is = held?.tallies?.get(tally.stored)
      return must.size !== (is?.size ?? 0) || [...must].some(([item, of]) => is!.get(item) !== of)
    })
  }

  isVanished(key: string): boolean {
    return this.#vanished.has(key)
  }

  /** Forgets planted errors that are gone. */
  sweepPlanted(): void {
    for (const key of this.#vanished) {
      if (!this.#isWrong(key)) this.#vanished.delete(key)
    }
    const { state } = this.#parts.data
    if (this.#planted.size === 0 || !state) return
    const { view } = this.#declared(state.declarations)
    const all = new Set([
      '*',
      ...(view.row?.fields ?? []).map(({ stored }) => stored),
      ...rowGroupsOf(view).map(({ stored }) => stored),
    ])
    const found = this.#compared(this.keys(), undefined, all)
    const wrong = new Set(found.map(({ key, component }) => `${key} ${component}`))
    for (const each of this.#planted) if (!wrong.has(each)) this.#planted.delete(each)
  }

  /** Changes that a transaction of this LSN or above has committed give what the view may lack. */
  countChanges(group: RowGroup, key: string): readonly RowChange[] {
    return this.#changesOf(group, key).filter(({ entry }) => entry)
  }

  #changesOf({ table, by }: RowGroup, key: string): readonly RowChange[] {
    return this.#byCount.get(`${table}.${by.join()}`)?.get(key) ?? []
  }

  rowChanges(key: string): readonly RowChange[] {
    return (this.#byOwner.get(key) ?? []).filter(({ entry }) => entry)
  }

  exactCount(count: Count, key: string): bigint {
    let sum = 0n
    for (const change of this.#changesOf(count, key)) {
      if (this.isIncluded(change)) sum += deltaOf(change, count, key)
    }
    return sum
  }

  /** None of them is 0. */
  exactCells(tally: Tally, key: string): ReadonlyMap<string, bigint> {
    const cells = new Map<string, bigint>()
    for (const change of this.#changesOf(tally, key)) {
      if (!this.isIncluded(change)) continue
      for (const [item, by] of cellDeltasOf(change, tally, key)) {
        const sum = (cells.get(item) ?? 0n) + by
        if (sum === 0n) cells.delete(item)
        else cells.set(item, sum)
      }
    }
    return cells
  }

  /** Whether the view, as far as its checkpoints are, has to have this change. */
  isIncluded({ entry, emitted, lost }: RowChange): boolean {
    if (!entry) return false
    if (!emitted) return lost && entry.visible
    if (!emitted.log.current) return entry.visible
    const next = this.#parts.data.checkpoints.get(emitted.partition)?.next
    return next !== undefined && emitted.offset < Number(next)
  }

  #exactRow(key: string) {
    return this.#byOwner.get(key)?.findLast((change) => this.isIncluded(change))?.after
  }

  #index(change: RowChange): void {
    const { table, before, after, name } = change
    if (table === 'users') listIn(this.#byOwner, name).push(change)
    for (const by of this.#parts.countedBy[table] ?? []) {
      const byKey = mapIn(this.#byCount, `${table}.${by.join()}`)
      const touched = new Set([keyOf(before, by), keyOf(after, by)])
      for (const key of touched) if (key !== undefined) listIn(byKey, key).push(change)
    }
  }

  #declared(declarations: NonNullable<MemoryData['state']>['declarations']) {
    if (this.#merged?.of !== declarations) {
      const complete = declarations
        .filter((each) => each.complete)
        .flatMap(({ declaration }) => {
          const { layout } = decodeView(declaration)
          const named = [...layout.fields, ...layout.tallies].map(({ name }) => name)
          return ['*', ...named, ...layout.counts]
        })
      const view = mergedView({ declarations })
      this.#merged = { of: declarations, view, complete: new Set(complete) }
    }
    return this.#merged
  }

  #compare(
    list: Mismatch[],
    { key, component, table }: Pick<Mismatch, 'key' | 'component' | 'table'>,
    [must, is]: readonly [unknown, unknown],
  ): void {
    const [expected, found] = [shown(must), shown(is)]
    if (expected === found) return
    const planted = this.isPlanted(key, component) ? 'planted' : undefined
    const vanished = this.#vanished.has(key) ? 'vanished' : undefined
    const excuse = this.excuseFor(key, table) ?? planted ?? vanished
    list.push({ key, component, table, expected, found, excuse })
  }
}

export function deltaOf({ before, after }: RowChange, count: Count, key: string): bigint {
  return weightOf(count, after, key) - weightOf(count, before, key)
}

/** What the change gives to the items of an entry. */
export function cellDeltasOf(
  { before, after }: RowChange,
  tally: Tally,
  key: string,
): readonly (readonly [string, bigint])[] {
  const [from, to] = [before, after].map((row) => cellOf(tally, row, key))
  if (from === to) return []
  return [
    ...(from === undefined ? [] : [[from, -1n] as const]),
    ...(to === undefined ? [] : [[to, 1n] as const]),
  ]
}

export function componentOf(stored: string, item: string): string {
  return `${stored}[${item}]`
}

function groupOf(component: string): string {
  return component.split('[', 1)[0]!
}

export function textOf(value: Value | undefined): string | null {
  return value === null || value === undefined ? null : String(value)
}

function shown(value: unknown): string {
  if (typeof value === 'bigint') return String(value)
  return value ? JSON.stringify(value) : 'none'
}

function listIn<T>(map: Map<string, T[]>, key: string): T[] {
  const list = map.get(key) ?? []
  map.set(key, list)
  return list
}

function mapIn<T>(map: Map<string, Map<string, T>>, key: string): Map<string, T> {
  const inner = map.get(key) ?? new Map<string, T>()
  map.set(key, inner)
  return inner
}
