import type { Client } from 'pg'
import { answersOf, list, type Truth } from './truth.ts'

const dimensions = {
  make: 'make',
  model: 'model',
  body: 'body',
  fuel: 'fuel',
  gearbox: 'gearbox',
  drive: 'drive',
  colour: 'colour',
  interior: 'interior',
  priceBand: 'price_band',
  mileageBand: 'mileage_band',
  ageBand: 'age_band',
  powerBand: 'power_band',
  doors: 'doors',
  seats: 'seats',
  owners: 'owners',
  region: 'region',
  seller: 'seller',
  condition: 'condition',
  emissionClass: 'emission_class',
  equipment: 'equipment',
} as const

/** Days as operators see them, for the view has no path of its own: those that are kept. */
export function motorsTruth(client: Client): Promise<Truth> {
  const parts = Object.entries(dimensions).map(([name, column]) => {
    const from = `select i.${column} as value, count(*) as count from interests i
      where i.user_id = d.user_id and i.day = d.day and i.${column} is not null group by 1`
    const counted = `json_build_object('value', value, 'count', count)`
    return `'${name}', ${list(counted, from, 'count desc, value::text collate "C"')}`
  })
  return answersOf(
    client,
    `select '/views/interest-day/' || user_id || ':' || day as path, json_build_object(
       'userId', user_id::text, 'day', day::text, ${parts.join(', ')}) as body
     from interests d where day >= (now() at time zone 'UTC')::date - 60 group by user_id, day`,
  )
}

export type Shares = Readonly<Record<string, Readonly<Record<string, number>>>>

/** By dimension and value, what a user prefers; a day counts half as much as one 7 days later. */
export async function preferencesTruth(
  client: Client,
  user: string,
  until: string,
): Promise<Shares> {
  const found: Record<string, Record<string, number>> = {}
  for (const [name, column] of Object.entries(dimensions)) {
    const { rows } = await client.query<{ value: string; share: number }>(
      `select ${column}::text as value,
         sum(2 ^ (-($2::date - day) / 7.0)) / sum(sum(2 ^ (-($2::date - day) / 7.0))) over () as share
       from interests where user_id = $1 and day > $2::date - 30 and day <= $2 and ${column} is not null
       group by 1`,
      [user, until],
    )
    found[name] = Object.fromEntries(rows.map(({ value, share }) => [value, share]))
  }
  return found
}
