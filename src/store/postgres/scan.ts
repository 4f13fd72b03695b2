import { limits } from '../limits.ts'
import type { EntrySql } from './entry-sql.ts'

type Page = {
  /** Whether there is a table of cells, whose entries need have no row. */
  readonly withCells: boolean
  /** The key after which the page begins, part by part as SQL. */
  readonly after: readonly string[] | undefined
}

/** SQL for a page of keys, each as text, and for one more if there is one. */
export function scanText({ table, entryText, order, cells, keys }: EntrySql, page: Page): string {
  const { withCells, after } = page
  const most = limits.scanPageKeys + 1
  const condition = after ? `where (${order}) > (${after.join(', ')})` : ''
  if (!withCells) {
    return `select ${entryText} as entry from ${table} e ${condition} order by ${order} limit ${most}`
  }
  return `select ${entryText} as entry from (
      (select ${order} from ${table} e ${condition} order by ${order} limit ${most})
      union
      (${cells.keysAfter(after, most)})
    ) as e (${keys.join(', ')}) order by ${order} limit ${most}`
}
