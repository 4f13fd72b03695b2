import { encodeDoubt } from '../codec.ts'
import { standing } from '../epoch.ts'
import type { Doubt, Epoch } from '../state.ts'
import { statement, type Transaction } from './connection.ts'
import { storableJson, storableText } from './state.ts'

/**
 * The view's row is locked before what hangs on it, so that those who raise the same doubts wait
 * for each other in one place. A doubt that stands keeps the time since when it has.
 */
const raiseText = statement(
  'raise',
  `with v as (select view from millrace.views where view = $1 and epoch = $2 for no key update),
   raised as (
     insert into millrace.doubts as d (view, name, id, since_ms, doubt)
     select v.view, g.name, g.id, extract(epoch from clock_timestamp()) * 1000, g.doubt::jsonb
     from v cross join unnest($3::text[], $4::text[], $5::text[])
       with ordinality as g (name, id, doubt, place)
     order by g.place
     on conflict (view, name) do update
       set id = excluded.id, doubt = excluded.doubt, raised = excluded.raised
   )
   select from v`,
)

/** False when the epoch is another one. */
export async function raiseDoubts(
  transaction: Pick<Transaction, 'query'>,
  { view, epoch }: { readonly view: string; readonly epoch: Epoch },
  doubts: readonly Doubt[],
): Promise<boolean> {
  const raised = lastOfEachName(doubts).map((doubt) => standing(doubt, 0))
  const values = [
    raised.map(({ name }) => storableText(name)),
    raised.map(({ id }) => id),
    raised.map((doubt) => storableJson(encodeDoubt(doubt))),
  ]
  const { rowCount } = await transaction.query(raiseText, [view, epoch, ...values])
  return rowCount === 1
}

/** As if they were raised one after another. */
function lastOfEachName(doubts: readonly Doubt[]): readonly Doubt[] {
  return doubts.filter(
    ({ name }, index) => !doubts.slice(index + 1).some((later) => later.name === name),
  )
}
