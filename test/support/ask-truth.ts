import type { Client } from 'pg'
import { readTruth, type Answer, type TruthPage } from '../../src/view/truth-page.ts'
import type { TruthQuery } from '../../src/view/truth-query.ts'
import type { View } from '../../src/view/view.ts'

/** What SQL says, asked by one session in one snapshot. */
export async function askTruth(client: Client, view: View, query: TruthQuery): Promise<TruthPage> {
  await client.query('begin isolation level repeatable read, read only')
  try {
    for (const text of query.prelude) await client.query(text)
    const answers: Answer[] = []
    for (const text of query.statements) {
      answers.push((await client.query<unknown[]>({ text, rowMode: 'array' })).rows)
    }
    return readTruth(view, query, answers)
  } finally {
    await client.query('rollback')
  }
}
