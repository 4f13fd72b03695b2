/**
 * Whether a view equals its source, asked without any of Millrace's own code for it: SQL and the
 * names in Redis and in JSON are written out by hand here, so that a fault in the declaration, the
 * fold or a store can't hide behind a check that is derived from the same place.
 */
import { Redis } from 'ioredis'
import { Client } from 'pg'

export type TruthOptions = {
  /** The source database, by a role that may read it. */
  readonly source: string
  /** `redis://…`; left out, Redis is not looked at. */
  readonly redis?: string
  /** `http://…`; left out, the API is not asked. */
  readonly api?: string
  /** The Postgres store; left out, it is not looked at. */
  readonly postgres?: string
}

/** One place where an entry differs from SQL; undefined where there is no such value. */
export type Difference = {
  readonly where: 'redis' | 'api' | 'postgres'
  readonly entry: string
  /** A field as it is named there, or `*` for the whole entry. */
  readonly field: string
  readonly truth: string | undefined
  readonly found: string | undefined
}

/** Name in SQL and in the Postgres store, in Redis, and in JSON. */
const fields = [
  ['username', 'username', 'username'],
  ['name', 'name', 'name'],
  ['description', 'description', 'description'],
  ['location', 'location', 'location'],
  ['web_page_url', 'web-page-url', 'webPageUrl'],
  ['joined_date', 'joined-date', 'joinedDate'],
  ['profile_image_url', 'profile-image-url', 'profileImageUrl'],
  ['background_image_url', 'background-image-url', 'backgroundImageUrl'],
  ['tweet_count', 'tweet-count', 'tweetCount'],
  ['following_count', 'following-count', 'followingCount'],
  ['follower_count', 'follower-count', 'followerCount'],
  ['like_count', 'like-count', 'likeCount'],
] as const

const query = `
  select u.user_id::text, u.username, u.name, u.description, u.location, u.web_page_url,
    to_char(u.joined_date at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as joined_date,
    u.profile_image_url, u.background_image_url,
    coalesce(t.n, 0)::text as tweet_count, coalesce(a.n, 0)::text as following_count,
    coalesce(b.n, 0)::text as follower_count, coalesce(l.n, 0)::text as like_count
  from users u
  left join (select user_id, count(*) as n from tweets group by 1) t on t.user_id = u.user_id
  left join (select follower_id, count(*) as n from follows group by 1) a on a.follower_id = u.user_id
  left join (select followee_id, count(*) as n from follows group by 1) b on b.followee_id = u.user_id
  left join (select user_id, count(*) as n from likes group by 1) l on l.user_id = u.user_id`

/** A user as the source has it: column to text, null where SQL is null. */
type TrueUser = Readonly<Record<string, string | null>>

/** Every difference there is now; the source must hold still, or some of them are of the moment. */
export async function differences(options: TruthOptions): Promise<Difference[]> {
  const truth = await trueUsers(options.source)
  const found: Difference[] = []
  if (options.redis !== undefined) found.push(...(await inRedis(options.redis, truth)))
  if (options.postgres !== undefined) found.push(...(await inPostgres(options.postgres, truth)))
  // One request for each user is slow, and would only say the same again.
  if (options.api !== undefined && found.length === 0)
    found.push(...(await inApi(options.api, truth)))
  return found
}

export type UntilOptions = TruthOptions & {
  readonly timeoutMs?: number
  readonly pauseMs?: number
}

/**
 * Looks until nothing differs, then resolves to how long that took; after the bound it throws and
 * names the first entries that differ, with both values.
 */
export async function untilEqual(options: UntilOptions): Promise<number> {
  const { timeoutMs = 30_000, pauseMs = 100 } = options
  const began = performance.now()
  for (;;) {
    let last: readonly Difference[] | string
    try {
      last = await differences(options)
    } catch (error) {
      // A server that comes back after a fault is waited for as well.
      last = String(error)
    }
    const elapsedMs = performance.now() - began
    if (last.length === 0) return elapsedMs
    if (elapsedMs > timeoutMs) throw new Error(`after ${Math.round(elapsedMs)} ms, ${said(last)}`)
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
}

function said(last: readonly Difference[] | string): string {
  if (typeof last === 'string') return `it can't be compared: ${last}`
  const entries = new Set(last.map(({ where, entry }) => `${where} ${entry}`)).size
  const lines = last
    .slice(0, 20)
    .map(
      ({ where, entry, field, truth, found }) =>
        `  ${where} ${entry} ${field}: SQL says ${shown(truth)}, found ${shown(found)}`,
    )
  return `${entries} entries differ in ${last.length} places\n${lines.join('\n')}`
}

function shown(value: string | undefined): string {
  return value === undefined ? 'nothing' : JSON.stringify(value.slice(0, 200))
}

async function trueUsers(source: string): Promise<Map<string, TrueUser>> {
  const rows = await rowsOf(source, query)
  return new Map(rows.map((row) => [row.user_id!, row]))
}

async function rowsOf(url: string, text: string): Promise<TrueUser[]> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query<TrueUser>(text)).rows
  } finally {
    await client.end()
  }
}

const prefix = 'user-information:'

/** Every key under the prefix, so that one which SQL has no user for is found too. */
async function inRedis(url: string, truth: ReadonlyMap<string, TrueUser>): Promise<Difference[]> {
  const redis = new Redis(url, {
    maxRetriesPerRequest: 1,
    connectTimeout: 2_000,
    retryStrategy: null,
  })
  redis.on('error', () => undefined)
  try {
    const keys = new Set([...truth.keys()].map((id) => prefix + id))
    for await (const page of redis.scanStream({ match: `${prefix}*`, count: 2_000 })) {
      for (const key of page as string[]) keys.add(key)
    }
    const found: Difference[] = []
    const all = [...keys]
    for (let at = 0; at < all.length; at += 1_000) {
      const page = all.slice(at, at + 1_000)
      const pipeline = redis.pipeline()
      for (const key of page) pipeline.hgetall(key)
      for (const [index, [error, hash]] of ((await pipeline.exec()) ?? []).entries()) {
        if (error) throw error
        const id = page[index]!.slice(prefix.length)
        found.push(...hashDifferences(id, truth.get(id), hash as Record<string, string>))
      }
    }
    return found
  } finally {
    redis.disconnect()
  }
}

function hashDifferences(
  entry: string,
  truth: TrueUser | undefined,
  hash: Readonly<Record<string, string>>,
): Difference[] {
  const expected = new Map<string, string>()
  if (truth !== undefined) {
    expected.set('user-id', entry)
    for (const [column, name] of fields) {
      const value = truth[column]
      if (value !== null && value !== undefined) expected.set(name, value)
    }
  }
  const names = new Set([...expected.keys(), ...Object.keys(hash)])
  return [...names].flatMap((field) => {
    const [value, found] = [expected.get(field), hash[field]]
    return value === found ? [] : [{ where: 'redis' as const, entry, field, truth: value, found }]
  })
}

async function inPostgres(
  url: string,
  truth: ReadonlyMap<string, TrueUser>,
): Promise<Difference[]> {
  const columns = fields.map(([column]) =>
    column === 'joined_date'
      ? `to_char(joined_date at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as joined_date`
      : `${column}::text`,
  )
  const text = `select user_id::text, present::text, ${columns.join(', ')} from user_information`
  const found = new Map((await rowsOf(url, text)).map((row) => [row.user_id!, row]))
  const ids = new Set([...truth.keys(), ...found.keys()])
  return [...ids].flatMap((entry) => {
    const row = found.get(entry)
    const pair = { entry, truth: truth.get(entry), found: row, at: 0 as const }
    const hidden = truth.has(entry) && row !== undefined && row.present !== 'true'
    const present = { where: 'postgres' as const, entry, field: 'present' }
    return [
      ...recordDifferences('postgres', pair),
      ...(hidden ? [{ ...present, truth: 'true', found: row.present ?? 'null' }] : []),
    ]
  })
}

const requestsAtOnce = 16

async function inApi(api: string, truth: ReadonlyMap<string, TrueUser>): Promise<Difference[]> {
  const found: Difference[] = []
  const left = [...truth.keys()]
  const ask = async () => {
    for (let entry = left.pop(); entry !== undefined; entry = left.pop()) {
      const answer = await fetch(`${api}/users/${entry}`, { signal: AbortSignal.timeout(5_000) })
      const text = await answer.text()
      if (answer.status !== 200 && answer.status !== 404)
        throw new Error(`${answer.status}: ${text}`)
      const json = answer.status === 200 ? (JSON.parse(text) as Record<string, unknown>) : undefined
      const asText = json && Object.fromEntries(Object.entries(json).map(jsonText))
      const own = { entry, truth: truth.get(entry), found: asText, at: 2 as const }
      found.push(...recordDifferences('api', own))
      if (json && json.userId !== entry) {
        const [field, value] = ['userId', String(json.userId)]
        found.push({ where: 'api', entry, field, truth: entry, found: value })
      }
    }
  }
  await Promise.all(Array.from({ length: requestsAtOnce }, ask))
  return found
}

/** Counters must be numbers there, everything else text or null. */
function jsonText([name, value]: [string, unknown]): [string, string | null] {
  if (value === null || typeof value === 'string') {
    return [name, name.endsWith('Count') ? `text ${value}` : value]
  }
  return [
    name,
    name.endsWith('Count') ? JSON.stringify(value) : `no text: ${JSON.stringify(value)}`,
  ]
}

type Pair = {
  readonly entry: string
  readonly truth: TrueUser | undefined
  readonly found: TrueUser | undefined
  /** Where the names of `found` stand in `fields`. */
  readonly at: 0 | 2
}

function recordDifferences(
  where: 'postgres' | 'api',
  { entry, truth, found, at }: Pair,
): Difference[] {
  if (truth === undefined || found === undefined) {
    if (truth === found) return []
    const name = (one: TrueUser | undefined) => (one === undefined ? undefined : 'an entry')
    return [{ where, entry, field: '*', truth: name(truth), found: name(found) }]
  }
  return fields.flatMap((names) => {
    const [value, other] = [truth[names[0]], found[names[at]]]
    if (value === other) return []
    const field = names[at]
    return [{ where, entry, field, truth: value ?? 'null', found: other === null ? 'null' : other }]
  })
}
