import { decodeDeclarations, encodeDeclarations, encodeDoubt } from '../codec.ts'
import type { Turn } from '../coordination.ts'
import { newEpoch } from '../epoch.ts'
import { turnedCheckpoints, turnedDeclarations } from '../restart.ts'
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
  const epoch = newEpoch()
  await transaction.query(
    `update millrace.views set epoch = $2, declarations = $3, topics = $4,
       watermark_history = case when $5 then '' else watermark_history end
     where view = $1`,
    [
      view,
      epoch,
      encodeDeclarations(turnedDeclarations(standing, turn)),
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

async function moveCheckpoints(transaction: Transaction, view: string, turn: Turn): Promise<void> {
  const { rows } = await transaction.query(
    `select ${checkpointsSql} from millrace.checkpoints c where c.view = $1`,
    [view],
  )
  const before = parseCheckpoints(rows)
  const after = turnedCheckpoints(before, turn)
  await replaceCheckpoints(transaction, view, after)
  await transaction.query('delete from millrace.problems where view = $1 and place = any($2)', [
    view,
    [...before.keys()].filter((name) => !after.has(name)),
  ])
}
