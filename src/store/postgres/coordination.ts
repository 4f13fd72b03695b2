import type { ViewLayout } from '../../mutation.ts'
import { formatLsn } from '../../position.ts'
import { encodeOffsets } from '../codec.ts'
import { newGeneration, newGenerationId } from '../generation.ts'
import { limits } from '../limits.ts'
import type { Barrier, Generation, GenerationId, ViewCoordination } from '../store.ts'
import type { PostgresConnection, Transaction } from './connection.ts'
import type { ViewTable } from './table.ts'

export class PostgresCoordination implements ViewCoordination {
  readonly #connection: PostgresConnection
  readonly #view: string
  readonly #table: ViewTable

  constructor(connection: PostgresConnection, layout: ViewLayout, table: ViewTable) {
    this.#connection = connection
    this.#view = layout.name
    this.#table = table
  }

  async lease(holder: string, ttlMs: number): Promise<boolean> {
    const { rowCount } = await this.#connection.query(
      `insert into millrace.leases as l
       values ($1, $2, clock_timestamp() + $3 * interval '1 millisecond')
       on conflict (view) do update set holder = excluded.holder, held_until = excluded.held_until
       where l.holder = excluded.holder or l.held_until < clock_timestamp()`,
      [this.#view, holder, ttlMs],
    )
    return rowCount === 1
  }

  async open(topics: Readonly<Record<string, number>>): Promise<Generation | undefined> {
    const id = newGenerationId()
    return this.#connection.change('alone', async (transaction) => {
      const { rowCount } = await transaction.query(
        `insert into millrace.views (view, generation, number, phase, topics)
         values ($1, $2, 1, 'building', $3) on conflict do nothing`,
        [this.#view, id, JSON.stringify(topics)],
      )
      if (rowCount === 0) return undefined
      // A state that was lost may have left these behind: they speak of another generation.
      await this.#clearBooks(transaction)
      return newGeneration(id, topics)
    })
  }

  async publish(generation: GenerationId, barrier: Barrier): Promise<void> {
    const { lsn, from, ends, takenAtMs } = barrier
    const offsets = `"from":${encodeOffsets(from)},"ends":${encodeOffsets(ends)}`
    const text = `{"lsn":"${formatLsn(lsn)}","takenAtMs":${takenAtMs},${offsets}}`
    await this.#connection.query(
      `update millrace.views set barrier = $3
       where view = $1 and generation = $2 and phase <> 'dropping'
         and (barrier is null or (barrier->>'lsn')::pg_lsn < ($4::text)::pg_lsn)`,
      [this.#view, generation, text, formatLsn(lsn)],
    )
  }

  async advance(generation: GenerationId, barrier: Barrier): Promise<boolean> {
    const values = [this.#view, generation, formatLsn(barrier.lsn), encodeOffsets(barrier.ends)]
    return (await this.#connection.query(advanceText, values)).rowCount === 1
  }

  async *drop(seen: GenerationId | undefined): AsyncIterable<number> {
    const id = await this.#turnToDropping(seen)
    if (id === undefined) return
    let removed = 0
    yield removed
    for (;;) {
      const gone = await this.#removePage(id)
      if (gone === undefined) return
      if (gone === 0) break
      removed += gone
      yield removed
    }
    const left = await this.#end(id)
    if (left) yield removed + left
  }

  /** Waits for the commits under way; those that come later find another id. */
  async #turnToDropping(seen: GenerationId | undefined): Promise<string | undefined> {
    return this.#connection.change('alone', async (transaction) => {
      const { rows } = await transaction.query(
        `insert into millrace.views as v (view, generation, number, phase, topics)
         select $1, $2, 1, 'dropping', '{}'
         where $3::text is null or exists (select from millrace.views where view = $1)
         on conflict (view) do update set phase = 'dropping', watermark = null, barrier = null,
           mark = null, number = 1,
           generation = case v.phase when 'dropping' then v.generation else excluded.generation end
         where v.generation = $3::text
         returning generation`,
        [this.#view, newGenerationId(), seen ?? null],
      )
      return rows[0]?.generation as string | undefined
    })
  }

  /** How many entries went, or undefined when somebody else has finished. */
  async #removePage(id: string): Promise<number | undefined> {
    const { name, key } = this.#table
    return this.#connection.change('shared', async (transaction) => {
      if (!(await this.#isDropping(transaction, id))) return undefined
      const { rowCount } = await transaction.query(
        `delete from ${name} where ${key} in
         (select ${key} from ${name} order by ${key} limit ${limits.dropKeysPerCallMax} for update)`,
      )
      return rowCount ?? 0
    })
  }

  /** Alone with the view: takes what another dropper has given back, then books and state. */
  async #end(id: string): Promise<number | undefined> {
    return this.#connection.change('alone', async (transaction) => {
      if (!(await this.#isDropping(transaction, id))) return undefined
      const { rowCount } = await transaction.query(`delete from ${this.#table.name}`)
      await this.#clearBooks(transaction)
      await transaction.query('delete from millrace.views where view = $1', [this.#view])
      return rowCount ?? 0
    })
  }

  async #isDropping(transaction: Transaction, id: string): Promise<boolean> {
    const { rowCount } = await transaction.query(
      `select from millrace.views where view = $1 and generation = $2 and phase = 'dropping'`,
      [this.#view, id],
    )
    return rowCount === 1
  }

  async #clearBooks(transaction: Transaction): Promise<void> {
    for (const table of ['checkpoints', 'parked', 'problems']) {
      await transaction.query(`delete from millrace.${table} where view = $1`, [this.#view])
    }
  }
}

/** Every partition of the generation's topics must be live and at the barrier's end or beyond. */
const advanceText = `update millrace.views v set phase = 'serving',
    watermark = greatest(v.watermark, ($3::text)::pg_lsn)
  where v.view = $1 and v.generation = $2 and v.phase <> 'dropping' and not exists (
    select from jsonb_each_text(v.topics) as t (topic, partitions)
      cross join generate_series(0, t.partitions::integer - 1) as p (number)
      left join millrace.checkpoints c
        on c.view = $1 and c.topic = t.topic and c.partition = p.number
    where (c.phase = 'live'
      and c.next >= (($4::jsonb)->>(t.topic || '/' || p.number))::bigint) is not true)`
