import type { View } from '../view/view.ts'
import type { Entry } from '../mutation.ts'
import type { SourceDatabase } from '../source/source-database.ts'
import { truthQuery } from '../view/truth-query.ts'
import type { Truth } from './verify.ts'

const keysPerPage = 50_000

/** The truth of a view, asked of the source by the query that its declaration gives. */
export function sqlTruth(view: View, source: SourceDatabase): Truth {
  const query = truthQuery(view)
  return {
    async *keys() {
      const { table, key } = view.row
      const [from, name] = [`"${table}"`, `"${key}"`]
      let last: string | undefined
      for (;;) {
        const after = last === undefined ? '' : `where ${name} > $2`
        const rows: { key: string }[] = await source.query(
          `select ${name}::text as key from ${from} ${after} order by ${name} limit $1`,
          last === undefined ? [keysPerPage] : [keysPerPage, last],
        )
        if (rows.length === 0) return
        yield rows.map((row) => row.key)
        last = rows.at(-1)!.key
      }
    },
    async entries(keys) {
      const rows = await source.query(query.byKeys, [keys])
      const entries = rows.map((row): [string, Entry] => {
        const entry = query.toEntry(row)
        return [entry.key, entry]
      })
      return new Map(entries)
    },
  }
}
