import { Client } from 'pg'
import { userIdAt, type Population } from './population.ts'
import { profile } from './profiles.ts'
import type { Random } from '../random.ts'

const rowsPerStatement = 1_000

const makeUsers = `insert into users (user_id, username, name, description, location, web_page_url,
    joined_date, profile_image_url, background_image_url)
  select * from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
    $7::timestamptz[], $8::text[], $9::text[]) on conflict do nothing`

/** Makes those users of the population that are missing; tells how many ranks are seen to. */
export async function ensureUsers(
  url: string,
  { random, population }: { readonly random: Random; readonly population: Population },
  onProgress: (ranks: number, made: number) => void = () => undefined,
): Promise<number> {
  const client = new Client({ connectionString: url, statement_timeout: 60_000 })
  await client.connect()
  let made = 0
  try {
    for (let rank = 0; rank < population.users; rank += rowsPerStatement) {
      const ranks = Array.from(
        { length: Math.min(rowsPerStatement, population.users - rank) },
        (_, index) => rank + index,
      )
      const rows = ranks.map((one) => [String(userIdAt(one)), ...profile(random, one)])
      const columns = rows[0]!.map((_, column) => rows.map((row) => row[column]))
      made += (await client.query(makeUsers, columns)).rowCount ?? 0
      onProgress(rank + ranks.length, made)
    }
  } finally {
    await client.end()
  }
  return made
}
