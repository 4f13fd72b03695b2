/**
 * Readers of the view, of each declaration that is served. What they are given must have been true
 * at some moment between the watermark that comes with it and now, part by part, by the rows'
 * history alone.
 */
import { decodeView } from '../../src/view/declarations.ts'
import type { OwningRow, Tally, View } from '../../src/view/view.ts'
import type { Entry, TallyItem } from '../../src/mutation.ts'
import { cellDeltasOf, deltaOf, textOf } from './oracle.ts'
import type { RowChange } from './database.ts'
import type { World } from './world.ts'

export class Readers {
  readonly #world: World
  #watermark: { readonly lives: number; readonly history: string; readonly lsn: bigint } | undefined

  constructor(world: World) {
    this.#world = world
  }

  async read(): Promise<void> {
    const { store, random } = this.#world
    const declarations = store.data.state?.declarations ?? []
    const served = declarations.length > 0 ? random.reader.pick(declarations) : undefined
    const view = served ? decodeView(served.declaration) : this.#world.views.first.view
    const id = served?.id ?? this.#world.views.first.id
    const keys = this.#world.someKeys(random.reader)
    const result = await store.direct.reader(view.layout, id).read(keys)
    if (result.kind === 'unavailable') {
      if (!store.served.has(id)) return
      return this.#world.fail(`a view that was served answers ${result.phase}`)
    }
    store.served.add(id)
    this.#world.count('a read was served')
    this.#checkWatermark(result.watermark)
    for (const [index, key] of keys.entries()) {
      this.#check(view, key, result.entries[index] ?? null, Number(result.watermark))
    }
  }

  #checkWatermark(lsn: bigint): void {
    const { store } = this.#world
    const history = store.data.watermark!.history
    const before = this.#watermark
    this.#watermark = { lives: store.lives, history, lsn }
    if (before?.lives !== store.lives || before.history !== history) return
    if (lsn < before.lsn) this.#world.fail(`the watermark fell from ${before.lsn} to ${lsn}`)
  }

  #check(view: View, key: string, entry: Entry | null, lsn: number): void {
    const { oracle, store, database } = this.#world
    if (store.data.watermark!.history !== database.history) return
    if (this.#isLetGo(key, entry)) return
    if (view.row) this.#checkRow(view.row, { key, entry, lsn })
    else this.#checkPresence(view, { key, entry, lsn })
    if (!entry) return
    for (const count of view.counts) {
      const { stored, table } = count
      if (this.#isExcused(key, stored, table)) continue
      const changes = oracle.countChanges(count, key)
      const amounts = amountsOf(changes, (change) => deltaOf(change, count, key), lsn)
      if (amounts.has(entry.counts[stored]!)) continue
      const were = [...amounts].join(', ')
      this.#world.fail(`a reader got ${key} ${stored} as ${entry.counts[stored]}; it was ${were}`)
    }
    for (const { name, tally } of view.layout.slices) {
      const from = view.tallies.find(({ stored }) => stored === tally)!
      this.#checkCells(from, { key, items: entry.slices?.[name] ?? [] }, lsn)
    }
  }

  /** What is below the bound is shown to nobody, whatever lies there. */
  #isLetGo(key: string, entry: Entry | null): boolean {
    const { oracle, store, count } = this.#world
    if (!oracle.isBelow(key)) return false
    if (entry) this.#world.fail(`a reader got ${key}, which is below the bound`)
    if (store.data.entries.has(key)) count('what lay below the bound was not shown')
    return true
  }

  #checkRow(
    { table, fields }: OwningRow,
    {
      key,
      entry,
      lsn,
    }: { readonly key: string; readonly entry: Entry | null; readonly lsn: number },
  ): void {
    if (this.#isExcused(key, 'row', table)) return
    const changes = this.#world.oracle.rowChanges(key)
    const rows = statesOf(changes, lsn).map((row) =>
      row ? JSON.stringify(fields.map(({ column }) => textOf(row[column]))) : 'none',
    )
    const found = entry
      ? JSON.stringify(fields.map(({ stored }) => entry.fields[stored] ?? null))
      : 'none'
    if (rows.includes(found)) return
    this.#world.fail(`a reader got row ${key} as ${found}; it was ${rows.join(', ')}`)
  }

  /** An entry without an owning row is there while any row is counted in it. */
  #checkPresence(
    { counts, layout }: View,
    {
      key,
      entry,
      lsn,
    }: { readonly key: string; readonly entry: Entry | null; readonly lsn: number },
  ): void {
    const { oracle, count: happened, fail } = this.#world
    const groups = counts.filter(({ stored }) => layout.presence.includes(stored))
    if (groups.some(({ stored, table }) => this.#isExcused(key, stored, table))) return
    if (!entry) {
      for (const count of groups) {
        const changes = oracle.countChanges(count, key)
        const amounts = amountsOf(changes, (change) => deltaOf(change, count, key), lsn)
        if (amounts.has(0n)) continue
        fail(`a reader got no ${key}; ${count.stored} was ${[...amounts].join(', ')}`)
      }
      return
    }
    if (groups.every(({ stored }) => entry.counts[stored] === 0n)) {
      fail(`a reader got ${key}, in which no row is counted`)
    }
    const shown = counts.filter(({ name }) => !hidden.test(name))
    const isNothing = shown.every(({ stored }) => entry.counts[stored] === 0n)
    if (isNothing && Object.values(entry.slices ?? {}).every((items) => items.length === 0)) {
      happened('an entry was shown of whose rows nothing is left but their number')
    }
  }

  /** Each item that is shown. */
  #checkCells(
    tally: Tally,
    { key, items }: { readonly key: string; readonly items: readonly TallyItem[] },
    lsn: number,
  ): void {
    const { oracle } = this.#world
    const { stored, table } = tally
    if (this.#isExcused(key, stored, table)) return
    const changes = oracle.countChanges(tally, key)
    for (const { item, amount } of items) {
      if (oracle.isPlanted(key, `${stored}[${item}]`)) continue
      const deltaOfItem = (change: RowChange) =>
        cellDeltasOf(change, tally, key).find(([of]) => of === item)?.[1] ?? 0n
      const amounts = amountsOf(changes, deltaOfItem, lsn)
      if (amounts.has(amount)) continue
      const were = [...amounts].join(', ')
      this.#world.fail(`a reader got ${key} ${stored}[${item}] as ${amount}; it was ${were}`)
    }
  }

  #isExcused(key: string, component: string, table: string): boolean {
    const { oracle } = this.#world
    return (
      oracle.excuseFor(key, table) !== undefined ||
      oracle.isPlanted(key, component) ||
      oracle.isVanished(key)
    )
  }
}

/** As counts are named that readers do not see. */
const hidden = /^rows[0-9a-f]{12}$/

/** What the row was just before the watermark, and ever since. */
function statesOf(changes: readonly RowChange[], lsn: number) {
  const before = changes.filter(({ entry }) => entry!.lsn < lsn)
  const since = changes.filter(({ entry }) => entry!.lsn >= lsn)
  return [before.at(-1)?.after, ...since.map(({ after }) => after)]
}

/** Partitions are applied each at its own pace, so each may stand at any moment since. */
function amountsOf(
  changes: readonly RowChange[],
  deltaOfChange: (change: RowChange) => bigint,
  lsn: number,
): ReadonlySet<bigint> {
  let base = 0n
  const lanes = new Map<string, bigint[]>()
  for (const change of changes) {
    const delta = deltaOfChange(change)
    if (change.entry!.lsn < lsn) base += delta
    else if (change.emitted) {
      const lane = lanes.get(change.emitted.partition) ?? [0n]
      lanes.set(change.emitted.partition, [...lane, lane.at(-1)! + delta])
    } else if (change.lost) base += delta
  }
  let amounts = new Set([base])
  for (const lane of lanes.values()) {
    amounts = new Set([...amounts].flatMap((amount) => lane.map((each) => amount + each)))
  }
  return amounts
}
