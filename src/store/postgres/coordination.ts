import { formatLsn } from '../../position.ts'
import { encodeBarrier, encodeDeclarations } from '../codec.ts'
import type { Beginning, LeaseClaim, Observation, Turn, ViewCoordination } from '../coordination.ts'
import { newEpoch, newInstance, stateFormat } from '../epoch.ts'
import type { Barrier, Epoch } from '../state.ts'
import { offsetsJson, replaceCheckpoints } from './checkpoints.ts'
import { statement } from './connection.ts'
import { raiseDoubts } from './doubts.ts'
import { storableJson } from './state.ts'
import { turnEpoch } from './turn.ts'
import type { ViewParts } from './view-parts.ts'

export class PostgresCoordination implements ViewCoordination {
  readonly #parts: ViewParts

  constructor(parts: ViewParts) {
    this.#parts = parts
  }

  async lease({ holder, declaration, ttlMs, over }: LeaseClaim): Promise<boolean> {
    const { connection, view } = this.#parts
    const values = [view, holder, declaration, ttlMs, over]
    return (await connection.query(leaseText, values)).rowCount === 1
  }

  async open(beginning: Beginning): Promise<Epoch | undefined> {
    const { connection, view, table, locks } = this.#parts
    const epoch = newEpoch()
    return connection.transaction([locks.alone], async (transaction) => {
      const { declaration, topics, fingerprint, barrier, checkpoints, keepFrom } = beginning
      const barrierText = storableJson(encodeBarrier(barrier))
      const { rowCount } = await transaction.query(
        `insert into millrace.views
           (view, epoch, format, declarations, topics, fingerprint, barrier, has_cells, keep_from,
            instance)
         values ($1, $2, $3, $4, $5, $6, $7, to_regclass($8) is not null, $9, $10)
         on conflict do nothing`,
        [
          view,
          epoch,
          stateFormat,
          encodeDeclarations([declaration]),
          JSON.stringify(topics),
          fingerprint,
          barrierText,
          table.cells.name,
          keepFrom ?? null,
          newInstance(),
        ],
      )
      if (rowCount === 0) return undefined
      // A state that was lost may have left these behind: they speak of another epoch.
      for (const book of ['barriers', 'parked', 'problems', 'tickets', 'doubts']) {
        await transaction.query(`delete from millrace.${book} where view = $1`, [view])
      }
      await replaceCheckpoints(transaction, view, checkpoints)
      await transaction.query(
        'insert into millrace.barriers (view, number, barrier) values ($1, $2, $3)',
        [view, barrier.number, barrierText],
      )
      return epoch
    })
  }

  async giveInstance(epoch: Epoch): Promise<void> {
    const { connection, view } = this.#parts
    await connection.query(
      `update millrace.views set instance = $3
       where view = $1 and epoch = $2 and instance is null`,
      [view, epoch, newInstance()],
    )
  }

  async turn(turn: Turn): Promise<Epoch | undefined> {
    const { connection, view, locks } = this.#parts
    return connection.transaction([locks.alone], (transaction) =>
      turnEpoch(transaction, view, turn),
    )
  }

  async publish(barrier: Barrier, forget: readonly number[]): Promise<void> {
    const { connection, view } = this.#parts
    const text = storableJson(encodeBarrier(barrier))
    await connection.query(publishText, [view, barrier.number, text, forget])
  }

  async advance(epoch: Epoch, barrier: Barrier, takenAgoMs: number): Promise<boolean> {
    const { connection, view } = this.#parts
    const { lsn, history, ends } = barrier
    const values = [view, epoch, formatLsn(lsn), history, offsetsJson(ends), takenAgoMs]
    return (await connection.query(advanceText, values)).rowCount === 1
  }

  async observe({ epoch, before, after, doubts }: Observation): Promise<boolean> {
    const { connection, view } = this.#parts
    const observed = await connection.transaction([], async (transaction) => {
      const { rowCount } = await transaction.query(
        `update millrace.views set fingerprint = $4
         where view = $1 and epoch = $2 and fingerprint is not distinct from $3`,
        [view, epoch, before ?? null, after],
      )
      if (rowCount === 0) return undefined
      if (doubts.length > 0) await raiseDoubts(transaction, { view, epoch }, doubts)
      return true
    })
    return observed ?? false
  }
}

const leaseText = statement(
  'lease',
  `insert into millrace.leases as l (view, holder, declaration, held_until)
   values ($1, $2, $3, clock_timestamp() + $4 * interval '1 millisecond')
   on conflict (view) do update set holder = excluded.holder,
     declaration = excluded.declaration, held_until = excluded.held_until
   where l.holder = excluded.holder or l.held_until <= clock_timestamp()
     or ($5 and l.declaration <> excluded.declaration)`,
)

/** The view's row is locked first, and the number in it compared after that. */
const publishText = statement(
  'publish',
  `with v as (
     select view from millrace.views where view = $1 for no key update
   ), gone as (
     delete from millrace.barriers b using v where b.view = v.view and b.number = any($4::bigint[])
   ), newer as (
     update millrace.views u set barrier = $3::jsonb from v
     where u.view = v.view and coalesce((u.barrier->>'number')::bigint, -1) < $2
     returning u.view
   )
   insert into millrace.barriers (view, number, barrier) select view, $2, $3::jsonb from newer`,
)

const falls = '(v.watermark > $3::text::pg_lsn and v.watermark_history = $4) is true'

/** Checkpoints only move ahead under one epoch, so those that the statement sees are low enough. */
const advanceText = statement(
  'advance',
  `update millrace.views v set
     watermark = case when ${falls} then v.watermark else $3::text::pg_lsn end,
     watermark_history = $4,
     watermark_at = case when ${falls} then v.watermark_at
       else clock_timestamp() - $6 * interval '1 millisecond' end
   where v.view = $1 and v.epoch = $2 and not exists (
     select from jsonb_each_text(v.topics) as t (topic, partitions)
       cross join generate_series(0, t.partitions::integer - 1) as p (number)
       left join millrace.checkpoints c
         on c.view = v.view and c.topic = t.topic and c.partition = p.number
     where (c.next >= ($5::jsonb->>(t.topic || '/' || p.number))::bigint) is not true)`,
)
