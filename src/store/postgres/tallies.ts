import type { ViewLayout } from '../../mutation.ts'
import { keyTypeOf } from '../../types/types.ts'
import type { ScanPage } from '../audit.ts'
import { checkKeys } from '../checks.ts'
import { limits } from '../limits.ts'
import type { ItemsAnswer, ItemsQuestion, ViewTallies } from '../tallies.ts'
import { tallyName } from './cell-sql.ts'
import { parseCheckpoints } from './checkpoints.ts'
import type { SqlRow } from './connection.ts'
import { parseItems } from './entry-sql.ts'
import { cleanTickets, leaveTickets } from './tickets.ts'
import type { ViewParts } from './view-parts.ts'

export class PostgresTallies implements ViewTallies {
  readonly #parts: ViewParts
  readonly #layout: ViewLayout

  constructor(parts: ViewParts, layout: ViewLayout) {
    this.#parts = parts
    this.#layout = layout
  }

  async look({ epoch, entry, tally, items, ticket }: ItemsQuestion): Promise<ItemsAnswer> {
    checkKeys(items, limits.cellsMax)
    const { connection, view, table } = this.#parts
    return table.with(this.#layout, async (sql) => {
      const keys = table.possible([entry])
      if (ticket !== undefined) {
        await leaveTickets(connection, { view, epoch, lock: undefined, ticket, keys })
      }
      // One statement sees one moment, and this one begins after the ticket lies there.
      const key = sql.values([keys[0] ?? null]).flat()
      const values = [tallyName(tally), items.filter(isText), ...key, view, epoch]
      const { rows } = await connection.query(sql.cells.look, values)
      if (ticket !== undefined) await cleanTickets(connection)
      const [row] = rows
      if (!row) return { kind: 'conflict' }
      const found = parseItems(row.amounts).map(({ item, amount }) => [item, amount] as const)
      const checkpoints = parseCheckpoints(row.checkpoints as readonly SqlRow[])
      return { kind: 'items', amounts: new Map(found), checkpoints }
    })
  }

  /** Any text is a cursor: items that follow it are found whether or not it is one of them. */
  async scan(entry: string, tally: string, cursor: string | undefined): Promise<ScanPage> {
    const { connection, table } = this.#parts
    if (table.possible([entry]).length === 0) return { keys: [], cursor: undefined }
    return table.with(this.#layout, async (sql) => {
      const [name, key] = [tallyName(tally), sql.values([entry]).flat()]
      const { rows } = await (cursor === undefined
        ? connection.query(sql.cells.firstItems, [name, ...key])
        : connection.query(sql.cells.nextItems, [name, cursor, ...key]))
      const all = rows.map(({ item }) => item as string)
      const keys = all.slice(0, limits.scanPageKeys)
      return { keys, cursor: all.length > keys.length ? keys.at(-1) : undefined }
    })
  }
}

/** Postgres would refuse others, and holds none. */
function isText(item: string): boolean {
  return keyTypeOf('text').isCanonical(item)
}
