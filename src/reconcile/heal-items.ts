/**
 * Compares whole tallies item by item, a page after the other, and corrects what is wrong: the items
 * that the source has, those that only the store has, and those that changes have touched meanwhile.
 * One of the latter may have been in neither when its page was read, as `touched.ts` says of entries.
 */
import { randomUUID } from 'node:crypto'
import { MillraceError } from '../errors.ts'
import { parseTopicPartition } from '../position.ts'
import type { ItemPage } from '../source/source.ts'
import { limits } from '../store/limits.ts'
import type { Offsets } from '../store/state.ts'
import { confirm, fill, type LookedAgain, type Open, type Wrong } from './confirm.ts'
import type { HealOptions, ItemsHealed } from './heal.ts'
import { nameOfField } from './judge.ts'
import { judgeItems, takeItemSheet, type ItemSheet } from './items.ts'
import { chunks } from './lists.ts'
import type { LargeTally } from './look.ts'
import { voided } from './passage.ts'
import type { Plan } from './plan.ts'
import { anchorOfSheet } from './steps.ts'
import { contributionsPage, unreadOf } from './touched.ts'

/** What an item takes besides its text, in characters, about. */
const charsBeside = 100
/** Items of one range: the source reads all rows of the entry for each. */
const rangeItemsMax = 10 * limits.cellsMax
/** Items of one tally that are known to have been compared; of further ones the source is asked twice. */
const rememberedMax = 100_000

type Options = Omit<HealOptions, 'ticket'>

export async function healItems(
  plan: Plan,
  large: readonly LargeTally[],
  options: Options,
): Promise<ItemsHealed> {
  const wrong: ItemsHealed['wrong'][number][] = []
  const said = new Set<string>()
  const unproved = new Set<string>()
  // Nothing more is asked of a tally of which nothing can be told.
  const isTold = (of: LargeTally) => !unproved.has(tableOfTally(plan, of))
  let anchor: Offsets | undefined
  const compare = async (pages: AsyncIterable<ItemSheet>) => {
    for await (const sheets of batches(pages, options.pace)) {
      if (options.signal.aborted) throw voided('the look was given up')
      const healed = await healSheets(plan, sheets, options)
      anchor ??= anchorOfSheet(plan, sheets[0]!).from
      for (const each of healed.wrong) {
        const name = JSON.stringify([each.key, nameOfField(each)])
        // What is not corrected is met again where changes have touched it.
        if (each.item === undefined || !said.has(name)) wrong.push(each)
        said.add(name)
      }
      for (const table of healed.unproved) unproved.add(table)
    }
  }
  await compare(everyPage(plan, { large, isTold }, options))
  if (anchor) await compare(touchedPages(plan, large.filter(isTold), { ...options, anchor }))
  return { wrong, unproved }
}

async function* everyPage(
  plan: Plan,
  {
    large,
    isTold,
  }: { readonly large: readonly LargeTally[]; readonly isTold: (of: LargeTally) => boolean },
  options: Options,
): AsyncGenerator<ItemSheet> {
  for (const of of large) {
    if (!isTold(of)) continue
    for await (const sheet of pagesOf(plan, of, options)) {
      yield sheet
      if (!isTold(of)) break
    }
  }
}

/** Sheets that are judged together, in one reading of the log. */
async function* batches(
  pages: AsyncIterable<ItemSheet>,
  { charsAhead }: Options['pace'],
): AsyncGenerator<ItemSheet[]> {
  let open: ItemSheet[] = []
  let chars = 0
  for await (const sheet of pages) {
    open.push(sheet)
    chars += sheet.items.reduce((sum, item) => sum + item.length + charsBeside, 0)
    if (chars < charsAhead) continue
    yield open
    open = []
    chars = 0
  }
  if (open.length > 0) yield open
}

/** Those of the source, and then those of the store. */
async function* pagesOf(plan: Plan, of: LargeTally, options: Options): AsyncGenerator<ItemSheet> {
  const compared = new Set<string>()
  for await (const sheet of sourcePages(plan, of, options)) {
    for (const item of sheet.items) if (compared.size < rememberedMax) compared.add(item)
    yield sheet
  }
  yield* storePages(plan, of, { ...options, compared })
}

async function* sourcePages(
  plan: Plan,
  of: LargeTally,
  options: Options,
): AsyncGenerator<ItemSheet> {
  let after: string | undefined
  do {
    const range = { ...of, kind: 'range', after, itemsMax: rangeItemsMax } as const
    const { sheet, busyMs } = await taken(plan, range)
    const parts = partsOf(sheet)
    for (const part of parts) {
      await options.pace.rest(
        { rows: part.truth.rows, busyMs: busyMs / parts.length },
        options.signal,
      )
      yield part
    }
    after = sheet.truth.last
  } while (after !== undefined)
}

/** As many items each as a look takes. */
function partsOf(sheet: ItemSheet): readonly ItemSheet[] {
  if (sheet.items.length <= limits.cellsMax) return [sheet]
  return chunks(sheet.items, limits.cellsMax).map((items) => {
    const amounts = new Map(items.map((item) => [item, sheet.truth.amounts.get(item)!]))
    const rows = Number([...amounts.values()].reduce((sum, amount) => sum + amount, 0n))
    return { ...sheet, items, truth: { ...sheet.truth, amounts, rows } }
  })
}

/**
 * Items that the store has and the source has not. One that it has by now and had not when its page
 * was read was touched since.
 */
async function* storePages(
  plan: Plan,
  of: LargeTally,
  { compared, ...options }: Options & { readonly compared: ReadonlySet<string> },
): AsyncGenerator<ItemSheet> {
  let cursor: string | undefined
  do {
    const page = await scanned(plan, of, cursor)
    const others = page.keys.filter((item) => !compared.has(item))
    for await (const sheet of sheetsOf(plan, of, { ...options, items: others })) {
      const items = sheet.items.filter((item) => !sheet.truth.amounts.has(item))
      const truth = { ...sheet.truth, amounts: new Map<string, bigint>() }
      if (items.length > 0) yield { ...sheet, truth, items }
    }
    cursor = page.cursor
  } while (cursor !== undefined)
}

/** A store that can't go on from the cursor is asked from the beginning on. */
async function scanned({ tallies }: Plan, { entry, tally }: LargeTally, cursor?: string) {
  try {
    return await tallies.scan(entry, tally, cursor)
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'scan-lost' && cursor !== undefined) {
      return tallies.scan(entry, tally, undefined)
    }
    throw error
  }
}

/** Items that changes give to, from the first look on. */
async function* touchedPages(
  plan: Plan,
  large: readonly LargeTally[],
  { anchor, ...options }: Options & { readonly anchor: Offsets },
): AsyncGenerator<ItemSheet> {
  const checkpoints = await plan.writer.checkpoints(plan.epoch)
  if (checkpoints.size === 0) throw voided('the view has turned its epoch')
  const { signal } = options
  const tables = new Set(large.map((of) => tableOfTally(plan, of)))
  const all = unreadOf(anchor, checkpoints)
  let unread = new Map([...all].filter(([name]) => tables.has(tableOf(plan, name) ?? '')))
  while (unread.size > 0) {
    const touched = large.map((of) => ({ of, items: new Set<string>() }))
    const byEntry = Map.groupBy(touched, ({ of }) => of.entry)
    const page = await contributionsPage(plan, { unread, signal }, ({ entry, cells }) => {
      for (const { of, items } of byEntry.get(entry) ?? []) {
        for (const item of cells?.get(of.tally)?.keys() ?? []) items.add(item)
      }
    })
    unread = page.unread
    for (const { of, items } of touched) {
      yield* sheetsOf(plan, of, { ...options, items: [...items] })
    }
  }
}

async function* sheetsOf(
  plan: Plan,
  of: LargeTally,
  { items, ...options }: Options & { readonly items: readonly string[] },
): AsyncGenerator<ItemSheet> {
  for (const some of chunks(items, limits.cellsMax)) {
    yield await rested(plan, { ...of, kind: 'items', items: some }, options)
  }
}

async function rested(plan: Plan, page: ItemPage, { pace, signal }: Options): Promise<ItemSheet> {
  const { sheet, busyMs } = await taken(plan, page)
  await pace.rest({ rows: sheet.truth.rows, busyMs }, signal)
  return sheet
}

async function taken(plan: Plan, page: ItemPage) {
  const startedMs = plan.clock.monotonicMs()
  const sheet = await takeItemSheet(plan, page)
  return { sheet, busyMs: plan.clock.monotonicMs() - startedMs }
}

/** What was found wrong with the items of one sheet. */
type Found = { readonly of: LargeTally }

async function healSheets(
  plan: Plan,
  sheets: readonly ItemSheet[],
  options: Options,
): Promise<ItemsHealed> {
  const { atOnce, corrected } = options
  const open = new Map<Found, Wrong>()
  const unproved = new Set<string>()
  for (const some of atOnce ? apart(sheets) : [sheets]) {
    const ticket = atOnce ? randomUUID() : undefined
    const { wrong, ...judged } = await judgeItems(plan, some, { ticket, signal: options.signal })
    await options.pace.rest({ rows: 0, busyMs: judged.busyMs }, options.signal)
    for (const table of judged.unproved) unproved.add(table)
    const left =
      ticket === undefined ? wrong : await fill(plan, { first: wrong, corrected }, ticket)
    for (const [{ of }, found] of left) open.set({ of }, found)
  }
  const again = await confirm(plan, { first: open, atOnce, corrected }, (left) =>
    lookAgain(plan, left, options),
  )
  return { wrong: again.wrong, unproved: new Set([...unproved, ...again.unproved]) }
}

async function* lookAgain(
  plan: Plan,
  open: Open<Found>,
  options: Options,
): AsyncGenerator<LookedAgain<Found>> {
  const sheets = new Map<ItemSheet, Found>()
  for (const [found, { correction }] of open) {
    const items = [...correction.cells!.get(found.of.tally)!.keys()]
    sheets.set(await rested(plan, { ...found.of, kind: 'items', items }, options), found)
  }
  const all = [...sheets.keys()]
  for (const some of options.correct ? apart(all) : [all]) {
    const ticket = options.correct ? randomUUID() : undefined
    const judged = await judgeItems(plan, some, { ticket, signal: options.signal })
    const wrong = new Map([...judged.wrong].map(([sheet, found]) => [sheets.get(sheet)!, found]))
    yield { wrong, ticket, unproved: judged.unproved, large: [], beyond: [] }
  }
}

/** Lists in which no entry comes twice: each look leaves an entry another ticket. */
function apart(sheets: readonly ItemSheet[]): ItemSheet[][] {
  const lists: ItemSheet[][] = []
  const times = new Map<string, number>()
  for (const sheet of sheets) {
    const at = times.get(sheet.of.entry) ?? 0
    times.set(sheet.of.entry, at + 1)
    const list = (lists[at] ??= [])
    list.push(sheet)
  }
  return lists
}

function tableOfTally({ view }: Plan, { tally }: LargeTally): string {
  return view.tallies.find(({ stored }) => stored === tally)!.table
}

/** Of a partition. */
function tableOf(plan: Plan, name: string): string | undefined {
  return plan.tableOf(parseTopicPartition(name).topic)?.table
}
