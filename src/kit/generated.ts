import { unreachable } from '../errors.ts'
import { Random } from '../random.ts'
import type { View } from '../view/view.ts'
import { differencesOf } from './differences.ts'
import { KeptView } from './kept-view.ts'
import { openMirror, type Mirror } from './postgres-mirror.ts'
import { RandomChanges, type RandomChange } from './random-changes.ts'
import { recounted } from './recount.ts'
import { TestRows, type TestTable } from './rows.ts'
import { said } from './values.ts'

export type GeneratedOptions = {
  /** Decides everything; another one each time where it is left out. An error tells it. */
  readonly seed?: number | undefined
  /** How many changes of rows, 200 where left out. */
  readonly changes?: number | undefined
  /**
   * `postgres://…` of a database. Tables are made in a schema of their own, which is removed in the
   * end, and the view is compared with what SQL answers over them.
   */
  readonly postgres?: string | undefined
}

/** What was done. */
export type Generated = {
  readonly seed: number
  readonly transactions: number
  /** Those among them that were rolled back. */
  readonly rolledBack: number
  readonly inserts: number
  readonly updates: number
  readonly deletes: number
  /** Entries that readers found in the end. */
  readonly entries: number
}

type Stage = {
  readonly view: View
  readonly random: Random
  readonly rows: TestRows
  readonly kept: KeptView
  readonly changes: RandomChanges
  readonly mirror: Mirror | undefined
}

export async function playGenerated(
  view: View,
  tables: ReadonlyMap<string, TestTable>,
  options: GeneratedOptions,
): Promise<Generated> {
  const { seed = Math.floor(Math.random() * 2 ** 31), changes: most = 200, postgres } = options
  refuseUnfit(seed, most)
  const random = new Random(seed)
  const mirror = postgres === undefined ? undefined : await openMirror(postgres, view, tables)
  const stage: Stage = {
    view,
    random,
    rows: new TestRows(view, tables),
    kept: new KeptView(view),
    changes: new RandomChanges({ view, tables, random }),
    mirror,
  }
  const done = { insert: 0, update: 0, delete: 0, transactions: 0, rolledBack: 0 }
  let played: Played | undefined
  try {
    while (done.insert + done.update + done.delete < most) {
      played = { changes: [], isKept: !random.chance(0.1) }
      await playTransaction(stage, played)
      done.transactions += 1
      if (!played.isKept) done.rolledBack += 1
      for (const { kind } of played.changes) done[kind] += 1
      await compare(stage)
    }
    const { rolledBack, transactions } = done
    const entries = (await stage.kept.read(await stage.kept.keys())).filter((entry) => entry).length
    const kinds = { inserts: done.insert, updates: done.update, deletes: done.delete }
    return { seed, transactions, rolledBack, ...kinds, entries }
  } catch (error) {
    throw new Error(report(error, { view, seed, changes: most, played, at: done.transactions }), {
      cause: error,
    })
  } finally {
    await mirror?.close()
  }
}

type Played = { readonly changes: RandomChange[]; readonly isKept: boolean }

async function playTransaction(stage: Stage, { changes, isKept }: Played): Promise<void> {
  const { rows, kept, random } = stage
  const putBack = rows.remember()
  const told = Array.from({ length: random.integer(1, 4) }, () => {
    const change = stage.changes.next(rows)
    changes.push(change)
    return applied(rows, change).flatMap((each) => kept.contributionsOf(each))
  })
  await stage.mirror?.play(changes, isKept)
  if (!isKept) return putBack()
  rows.keep()
  kept.take(told.flat())
}

function applied(rows: TestRows, change: RandomChange) {
  const { name } = change.table
  switch (change.kind) {
    case 'insert':
      return rows.insert(name, change.values)
    case 'update':
      return rows.update(name, change.key, change.values)
    case 'delete':
      return rows.delete(name, change.key)
    default:
      return unreachable(change)
  }
}

async function compare({ view, rows, kept, mirror }: Stage): Promise<void> {
  const found = await kept.texts()
  const texts = recounted(view, (table) => rows.of(table))
  const differing = differencesOf(view, found, { truth: 'a count over the rows', texts })
  if (differing !== undefined) throw new Error(differing)
  if (!mirror) return
  const beside = differencesOf(view, found, { truth: 'SQL', texts: await mirror.truth() })
  if (beside !== undefined) throw new Error(beside)
}

function refuseUnfit(seed: number, changes: number): void {
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new Error(`${said(seed)} is no seed: 0 or above`)
  if (!Number.isSafeInteger(changes) || changes < 1) {
    throw new Error(`${said(changes)} is no number of changes`)
  }
}

type Reported = {
  readonly view: View
  readonly seed: number
  readonly changes: number
  readonly played: Played | undefined
  readonly at: number
}

function report(error: unknown, { view, seed, changes, played, at }: Reported): string {
  const last = (played?.changes ?? []).map((change) => {
    const key = 'key' in change ? ` ${said(change.key)}` : ''
    const values = 'values' in change ? ` ${said(change.values)}` : ''
    return `  ${change.kind} ${change.table.name}${key}${values}`
  })
  const end = played?.isKept === false ? ', rolled back' : ''
  return [
    `generated changes of view ${view.name} went wrong:`,
    error instanceof Error ? error.message : String(error),
    `after transaction ${at}${end}:`,
    ...last,
    `Again with generated({ seed: ${seed}, changes: ${changes} }).`,
  ].join('\n')
}
