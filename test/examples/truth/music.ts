import type { Client } from 'pg'
import { recommend, type Edge, type Edges } from '../../../examples/music/walks.ts'
import { answersOf, list, moment, type Truth } from './truth.ts'

const kinds = {
  Artists: ['artists', 'artist_id'],
  Albums: ['albums', 'album_id'],
  Tracks: ['tracks', 'track_id'],
} as const

export async function musicTruth(client: Client): Promise<Truth> {
  const sqls = [listeners, ...Object.values(kinds).map(([table, column]) => items(table, column))]
  const parts = await Promise.all(sqls.map((sql) => answersOf(client, sql)))
  return new Map(parts.flatMap((part) => [...part]))
}

/** The largest groups of a user's or an item's listens; ties go by the bytes of the id. */
const groups = (id: string, of: string, most: number, name = 'null') => `
  select ${id}::text as id, count(*) as count, ${name} as name from listens g where ${of}
  group by ${id} order by 2 desc, ${id}::text collate "C" limit ${most}`

const inOrder = 'count desc, id collate "C"'

function top(table: string, column: string): string {
  const name = `(select name from ${table} n where n.${column} = g.${column})`
  const from = groups(column, 'g.user_id = l.user_id', 10, name)
  return list(`json_build_object('id', id, 'count', count, 'name', name)`, from, inOrder)
}

const listeners = `
  select '/listeners/' || user_id || '?recommend=0' as path, json_build_object(
    'userId', user_id::text, 'plays', count(*),
    'firstListen', ${moment('min(listened_at)')}, 'lastListen', ${moment('max(listened_at)')},
    ${Object.entries(kinds)
      .map(([name, [table, column]]) => `'top${name}', ${top(table, column)}`)
      .join(', ')}) as body
  from listens l group by user_id`

function items(table: string, column: string): string {
  const from = groups('user_id', `g.${column} = i.${column}`, 20)
  const heard = list(`json_build_object('id', id, 'count', count)`, from, inOrder)
  return `
    select '/${table}/' || ${column} as path, json_build_object(
      'id', ${column}::text, 'name', name,
      'plays', (select count(*) from listens g where g.${column} = i.${column}),
      'listeners', ${heard}) as body
    from ${table} i`
}

/** What the same walks over the tables themselves recommend to a listener, of one kind. */
export async function recommendedTruth(
  client: Client,
  user: string,
  kind: keyof typeof kinds,
): Promise<readonly unknown[]> {
  const [table, column] = kinds[kind]
  const edges = async (sql: string, node: string): Promise<readonly Edge[]> => {
    const { rows } = await client.query<{ id: string; count: string }>(sql, [node])
    return rows.map(({ id, count }) => ({ to: id, weight: Number(count) }))
  }
  const itemsOf = (node: string) => edges(groups(column, 'user_id = $1', 20), node)
  // What has no name has no entry, so no walk goes on from there.
  const isNamed = `${column} = $1 and exists (select from ${table} n where n.${column} = $1)`
  const usersOf = (node: string) => edges(groups('user_id', isNamed, 20), node)
  const each =
    (of: (node: string) => Promise<readonly Edge[]>): Edges =>
    async (nodes) => {
      const found = new Map<string, readonly Edge[]>()
      for (const node of nodes) found.set(node, await of(node))
      return found
    }
  const all = await client.query<{ id: string }>(
    `select distinct ${column}::text as id from listens where user_id = $1`,
    [user],
  )
  const { items: found } = await recommend({
    seed: 1,
    own: await itemsOf(user),
    known: new Set(all.rows.map(({ id }) => id)),
    usersOf: each(usersOf),
    itemsOf: each(itemsOf),
    walkers: 100,
    rounds: 2,
    restart: 0.3,
  })
  const names = await client.query<{ id: string; name: string }>(
    `select ${column}::text as id, name from ${table}`,
  )
  const nameOf = new Map(names.rows.map(({ id, name }) => [id, name]))
  return found
    .slice(0, 10)
    .map(({ item, share }) => ({ id: item, share, name: nameOf.get(item) ?? null }))
}
