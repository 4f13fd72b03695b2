/** The tables of the simulated source, and the views that are kept of them. */
import type { Row, Value } from '../../src/change.ts'
import { bigint } from '../../src/types/declare.ts'
import { latestOf } from '../../src/view/aggregates/latest-of.ts'
import { averageOf } from '../../src/view/aggregates/average-of.ts'
import { sumOf } from '../../src/view/aggregates/sum-of.ts'
import { topOf } from '../../src/view/aggregates/top-of.ts'
import { gt, isNull } from '../../src/view/condition.ts'
import { countOf, defineView, from } from '../../src/view/define-view.ts'
import type { Count, RowGroup, Tally, View } from '../../src/view/view.ts'

export type Table = {
  readonly primaryKey: readonly string[]
  readonly columns: readonly string[]
  /** Replica identity that views need: whole rows, or the primary key. */
  readonly needs: 'full' | 'default'
}

export const tables: Readonly<Record<string, Table>> = {
  users: { primaryKey: ['user_id'], columns: ['user_id', 'name', 'place'], needs: 'full' },
  tweets: {
    primaryKey: ['tweet_id'],
    columns: ['tweet_id', 'user_id', 'mentioned_id'],
    needs: 'full',
  },
  follows: {
    primaryKey: ['follower_id', 'followee_id'],
    columns: ['follower_id', 'followee_id'],
    needs: 'default',
  },
  likes: {
    primaryKey: ['user_id', 'tweet_id'],
    columns: ['user_id', 'tweet_id'],
    needs: 'default',
  },
  /** Of no view. */
  audit: { primaryKey: ['audit_id'], columns: ['audit_id'], needs: 'default' },
}

export const tableNames = Object.keys(tables)

export function primaryKeyOf(table: string, row: Row): Row {
  return Object.fromEntries(tables[table]!.primaryKey.map((column) => [column, row[column]!]))
}

export function nameOf(key: Row): string {
  return Object.values(key).map(String).join(',')
}

export function rowOf(table: string, values: readonly Value[]): Row {
  return Object.fromEntries(tables[table]!.columns.map((column, i) => [column, values[i] ?? null]))
}

const counts = {
  tweetCount: countOf('tweets', { by: 'user_id' }),
  followingCount: countOf('follows', { by: 'follower_id' }),
  followerCount: countOf('follows', { by: 'followee_id' }),
}

const mentioned = bigint('mentioned_id')

/** Whom a user mentions how often. */
const topMentions = topOf('tweets', { item: mentioned, most: 2, by: 'user_id' })

const latestTweets = latestOf('tweets', {
  order: bigint('tweet_id'),
  key: bigint('tweet_id'),
  most: 3,
  fields: { tweetId: bigint('tweet_id'), mentionedId: mentioned },
  by: 'user_id',
})

/** Items of a tally up to which a look tells all of them: few, so that larger ones are met. */
export const cellsMax = 2

/** What is kept at first. */
export const firstView = defineView({
  name: 'user-information',
  key: { userId: 'bigint' },
  row: from('users', { key: 'user_id', fields: { name: 'name' } }),
  aggregates: { ...counts, topMentions },
})

/** What a later release declares: each adds a field, and something else. */
export const laterViews: readonly View[] = [
  defineView({
    name: 'user-information',
    key: { userId: 'bigint' },
    row: from('users', { key: 'user_id', fields: { name: 'name', place: 'place' } }),
    aggregates: {
      ...counts,
      topMentions,
      latestTweets,
      mentionCount: countOf('tweets', { by: 'mentioned_id' }),
    },
  }),
  // The same name means something else, and one count is gone.
  defineView({
    name: 'user-information',
    key: { userId: 'bigint' },
    row: from('users', { key: 'user_id', fields: { name: 'place' } }),
    aggregates: {
      tweetCount: countOf('tweets', { by: 'mentioned_id' }),
      followerCount: counts.followerCount,
      topMentions: topOf('tweets', { item: bigint('user_id'), most: 2, by: 'mentioned_id' }),
    },
  }),
  // Another table.
  defineView({
    name: 'user-information',
    key: { userId: 'bigint' },
    row: from('users', { key: 'user_id', fields: { name: 'name', place: 'place' } }),
    aggregates: {
      ...counts,
      likeCount: countOf('likes', { by: 'user_id' }),
      likedTweets: topOf('likes', { item: bigint('tweet_id'), most: 4, by: 'user_id' }),
    },
  }),
  // What rows add, and which of them.
  defineView({
    name: 'user-information',
    key: { userId: 'bigint' },
    row: from('users', { key: 'user_id', fields: { name: 'name', place: 'place' } }),
    aggregates: {
      ...counts,
      mentionSum: sumOf('tweets', { by: 'user_id', of: bigint('mentioned_id') }),
      mentionAverage: averageOf('tweets', { by: 'user_id', of: bigint('mentioned_id'), digits: 2 }),
      silentCount: countOf('tweets', { by: 'user_id', where: [isNull(bigint('mentioned_id'))] }),
      someCount: countOf('tweets', { by: 'mentioned_id', where: [gt(bigint('user_id'), 2)] }),
      topMentions,
      someTweets: latestOf('tweets', {
        order: mentioned,
        key: bigint('tweet_id'),
        most: 2,
        fields: { tweetId: bigint('tweet_id') },
        where: [gt(bigint('tweet_id'), 3)],
        by: 'user_id',
      }),
    },
  }),
  // One table less.
  defineView({
    name: 'user-information',
    key: { userId: 'bigint' },
    row: from('users', { key: 'user_id', fields: { name: 'name', place: 'place' } }),
    aggregates: { tweetCount: counts.tweetCount },
  }),
]

/** What a row adds to the entry, as the views above have it, and told apart from them. */
export function weightOf(count: Count, row: Row | undefined, key: string): bigint {
  const { adds } = count
  if (!row || !isOf(count, row, key)) return 0n
  if (adds.kind === 'row') return 1n
  const value = row[adds.column]!
  if (value === null) return 0n
  return adds.kind === 'sum' ? BigInt(value) : 1n
}

/** The item of the entry that a row adds 1 to. */
export function cellOf(tally: Tally, row: Row | undefined, key: string): string | undefined {
  const { item } = tally
  if (!row || !isOf(tally, row, key)) return undefined
  if (item.kind === 'values') {
    const value = row[item.columns[0]!.column]!
    return value === null ? undefined : String(value)
  }
  const order = row[item.order.column]!
  if (order === null) return undefined
  const wide = [order, ...item.key.map(({ column }) => row[column]!)].map((value) =>
    String(BigInt(value!) + 2n ** 63n + 1n).padStart(20, '0'),
  )
  const fields = item.fields.map(({ column }) => row[column]!)
  return JSON.stringify([
    ...wide,
    ...fields.map((value) => (value === null ? null : String(value))),
  ])
}

function isOf({ by, where }: RowGroup, row: Row, key: string): boolean {
  if (row[by[0]!] === null || String(row[by[0]!]) !== key) return false
  return where.every(({ column, is, values }) => {
    const value = row[column]!
    if (is === 'null') return value === null
    if (is === '>') return value !== null && BigInt(value) > BigInt(values[0]!)
    throw new Error(`no view of the simulation asks for ${is}`)
  })
}
