import { decodeDeclarations, encodeDeclarations, encodeDoubt } from '../codec.ts'
import type { Turn } from '../coordination.ts'
import { newEpoch } from '../epoch.ts'
import { partitionsOf, restarted, restartOf } from '../restart.ts'
import type { Epoch } from '../state.ts'
import { checkpointsSql, parseCheckpoints, replaceCheckpoints } from './checkpoints.ts'
import type { Transaction } from './connection.ts'
import { storableJson, storableText } from './state.ts'

/** For whoever holds the view alone, so no commit is under way. */
export async function turnEpoch(
  transaction: Transaction,
  view: string,
  turn: Turn,
): Promise<Epoch | undefined> {
  const { rows } = await transaction.query(
    'select declarations::text from millrace.views where view = $1 and epoch = $2',
    [view, turn.epoch],
  )
  if (rows.length === 0) return undefined
  const standing = decodeDeclarations(rows[0]!.declarations as string, 'millrace.views')
  const complete = new Set(standing.flatMap((each) => (each.complete ? [each.id] : [])))
  const declarations = turn.declarations.map((each) => ({
    ...each,
    complete: complete.has(each.id),
  }))
  const epoch = newEpoch()
  await transaction.query(
    `update millrace.views set epoch = $2, declarations = $3, topics = $4,
       watermark_history = case when $5 then '' else watermark_history end
     where view = $1`,
    [
      view,
      epoch,
      encodeDeclarations(declarations),
      JSON.stringify(turn.topics),
      turn.watermarkMayFall === true,
    ],
  )
  await moveCheckpoints(transaction, view, turn)
  for (const doubt of turn.doubts) {
    await transaction.query(
      `update millrace.doubts set name = $3, since_ms = $4, doubt = $5
       where view = $1 and id = $2`,
      [
        view,
        doubt.id,
        storableText(doubt.name),
        Math.round(doubt.sinceMs),
        storableJson(encodeDoubt(doubt)),
      ],
    )
  }
  return epoch
}

async function moveCheckpoints(
  transaction: Transaction,
  view: string,
  { topics, restarts, offsets }: Turn,
): Promise<void> {
  const { rows } = await transaction.query(
    `select ${checkpointsSql} from millrace.checkpoints c where c.view = $1`,
    [view],
  )
  const before = parseCheckpoints(rows)
  const after = partitionsOf(topics).map((name) => {
    const found = before.get(name)
    const how = found ? restartOf(restarts, name) : 'anew'
    return [name, restarted(found, how, offsets.get(name))] as const
  })
  await replaceCheckpoints(transaction, view, new Map(after))
  const kept = new Set(partitionsOf(topics))
  await transaction.query('delete from millrace.problems where view = $1 and place = any($2)', [
    view,
    [...before.keys()].filter((name) => !kept.has(name)),
  ])
}
