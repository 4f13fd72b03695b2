import { decodeBarrier, decodeWanted } from '../codec.ts'
import type { ViewWatchable, Wanted, WantedChange } from '../coordination.ts'
import type { Barrier, ViewState } from '../state.ts'
import { readStatus, storableJson } from './state.ts'
import type { ViewParts } from './view-parts.ts'

export class PostgresWatchable implements ViewWatchable {
  readonly #parts: ViewParts

  constructor(parts: ViewParts) {
    this.#parts = parts
  }

  async state(): Promise<ViewState | undefined> {
    return (await readStatus(this.#parts.connection, this.#parts.view)).state
  }

  async barriers(): Promise<readonly Barrier[]> {
    const { connection, view } = this.#parts
    const { rows } = await connection.query(
      'select barrier::text from millrace.barriers where view = $1 order by number',
      [view],
    )
    return rows.map(({ barrier }) => decodeBarrier(barrier as string, 'millrace.barriers'))
  }

  async wanted(): Promise<Wanted | undefined> {
    return (await this.#wanted()).before
  }

  async want(change: WantedChange): Promise<Wanted | undefined> {
    const { connection, view } = this.#parts
    for (;;) {
      const { text, before } = await this.#wanted()
      const after = change(before)
      if (!after) return before
      const json = storableJson(JSON.stringify(after))
      const { rowCount } =
        text === undefined
          ? await connection.query(
              'insert into millrace.wanted (view, wanted) values ($1, $2) on conflict do nothing',
              [view, json],
            )
          : await connection.query(
              'update millrace.wanted set wanted = $2 where view = $1 and wanted = $3::jsonb',
              [view, json, text],
            )
      if (rowCount === 1) return after
    }
  }

  async #wanted() {
    const { connection, view } = this.#parts
    const { rows } = await connection.query(
      'select wanted::text from millrace.wanted where view = $1',
      [view],
    )
    const text = rows[0]?.wanted as string | undefined
    return { text, before: text === undefined ? undefined : decodeWanted(text, 'millrace.wanted') }
  }

  occupant(): Promise<string | undefined> {
    return this.#parts.table.anyKey()
  }
}
