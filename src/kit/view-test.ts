import type { StreamedChange } from '../change.ts'
import type { Mutation } from '../mutation.ts'
import { toJson, type EntryJson } from '../view/json.ts'
import type { View } from '../view/view.ts'
import { keyRule, parseParts } from '../web/entry-key.ts'
import { playGenerated, type Generated, type GeneratedOptions } from './generated.ts'
import { KeptView } from './kept-view.ts'
import { TestRows, tablesOfTest, type RowValues, type TableOptions } from './rows.ts'
import { said } from './values.ts'

export type ViewTestOptions = {
  /** By table: what the declaration does not say of it. */
  readonly tables?: Readonly<Record<string, TableOptions>>
}

/**
 * A view in memory, over tables that begin empty. Changes of rows are folded as a worker folds
 * them; what a statement can't do in Postgres, or a view can't be kept from, throws an Error. A
 * table's other columns, its constraints but the primary key, its defaults and triggers are not
 * known here.
 */
export type ViewTest = {
  /** Adds rows; a column that is left out is null. */
  insert(table: string, ...rows: readonly RowValues[]): void
  /** Sets columns of the row that has this primary key. */
  update(table: string, key: RowValues, values: RowValues): void
  /** Removes the row that has this primary key. */
  delete(table: string, key: RowValues): void
  /**
   * What `work` changes is seen when it has ended, and not at all where it throws: the rows are put
   * back and the error is passed on. Within another one it is a savepoint.
   */
  transaction(work: () => void): void
  /**
   * The entry as HTTP answers it, as JSON; undefined where that is 404. Its key, or the parts of it,
   * as they stand in the path.
   */
  entry(...key: readonly (string | number | bigint)[]): Promise<EntryJson | undefined>
  /** Every entry that HTTP would answer with. */
  entries(): Promise<readonly EntryJson[]>
  /**
   * Makes random rows and changes of the declaration, over tables of their own that begin empty,
   * and compares after each transaction: in memory with a count over the rows, and where `postgres`
   * names a database with what SQL answers there. Throws an Error that tells the differences and
   * the seed. The answer says what was done.
   */
  generated(options?: GeneratedOptions): Promise<Generated>
}

/**
 * Tests a view without a database or broker:
 *
 *     const shops = viewTest(shopOrders, { tables: { orders: { key: 'id' } } })
 *     shops.insert('shops', { id: 1, city: 'Bern' })
 *     shops.insert('orders', { id: 7, shop_id: 1 })
 *     assert.deepEqual(await shops.entry(1), { shopId: '1', city: 'Bern', orderCount: 1 })
 *
 * `tables` names the primary key of each table that the view counts rows of. Throws an Error that
 * names everything that is wrong with it.
 */
export function viewTest(view: View, { tables: options = {} }: ViewTestOptions = {}): ViewTest {
  const tables = tablesOfTest(view, options)
  const rows = new TestRows(view, tables)
  const kept = new KeptView(view)
  /** Of transactions that have not ended yet. */
  let open: Mutation[] | undefined
  const commit = (contributions: readonly Mutation[]) => {
    kept.take(contributions)
    rows.keep()
  }
  const feed = (change: () => readonly StreamedChange[]) => {
    const putBack = rows.remember()
    try {
      const contributions = change().flatMap((each) => kept.contributionsOf(each))
      if (open) open.push(...contributions)
      else commit(contributions)
    } catch (error) {
      putBack()
      throw error
    }
  }
  const json = async (keys: readonly string[]) => {
    const found = await kept.read(keys)
    return found.flatMap((entry) => (entry ? [asAnswered(toJson(view, entry))] : []))
  }
  return {
    insert: (table, ...values) => feed(() => values.flatMap((each) => rows.insert(table, each))),
    update: (table, key, values) => feed(() => rows.update(table, key, values)),
    delete: (table, key) => feed(() => rows.delete(table, key)),
    transaction(work) {
      const putBack = rows.remember()
      const outer = open
      const own: Mutation[] = []
      open = own
      try {
        const answer: unknown = work()
        if (isThenable(answer)) {
          throw new Error('the work of a transaction answers at once: await nothing in it')
        }
        if (outer) outer.push(...own)
        else commit(own)
      } catch (error) {
        putBack()
        throw error
      } finally {
        open = outer
      }
    },
    entry: async (...parts) => (await json([keyOf(view, parts)]))[0],
    entries: async () => json(await kept.keys()),
    generated: (given = {}) => playGenerated(view, tables, given),
  }
}

/** A client sees what is left of the values in JSON. */
function asAnswered(entry: EntryJson): EntryJson {
  return JSON.parse(JSON.stringify(entry)) as EntryJson
}

function keyOf(view: View, parts: readonly (string | number | bigint)[]): string {
  const key = parseParts(
    view,
    parts.map((part) => String(part)),
  )
  if (key === undefined)
    throw new Error(`${said(parts)} is no key of ${view.name}: ${keyRule(view)}`)
  return key
}

function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value
}
