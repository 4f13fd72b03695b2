import { decodeBarrier, decodeWanted } from '../codec.ts'
import type { ViewWatchable, Wanted } from '../coordination.ts'
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
    const { connection, view } = this.#parts
    const { rows } = await connection.query(
      'select wanted::text from millrace.wanted where view = $1',
      [view],
    )
    return rows[0] && decodeWanted(rows[0].wanted as string, 'millrace.wanted')
  }

  async want(wanted: Wanted): Promise<void> {
    const { connection, view } = this.#parts
    await connection.query(
      `insert into millrace.wanted (view, wanted) values ($1, $2)
       on conflict (view) do update set wanted = excluded.wanted`,
      [view, storableJson(JSON.stringify(wanted))],
    )
  }

  occupant(): Promise<string | undefined> {
    return this.#parts.table.anyKey()
  }
}
