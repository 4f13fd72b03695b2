/** The tables of the simulated source, and the views that are kept of them. */
import type { Row, Value } from '../../src/change.ts'
import { bigint } from '../../src/types/declare.ts'
import { averageOf } from '../../src/view/aggregates/average-of.ts'
import { sumOf } from '../../src/view/aggregates/sum-of.ts'
import { gt, isNull } from '../../src/view/condition.ts'
import { countOf, defineView, from } from '../../src/view/define-view.ts'
import type { Count, View } from '../../src/view/view.ts'

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

/** What is kept at first. */
export const firstView = defineView({
  name: 'user-information',
  key: { userId: 'bigint' },
  row: from('users', { key: 'user_id', fields: { name: 'name' } }),
  aggregates: counts,
})

/** What a later release declares: each adds a field, and something else. */
export const laterViews: readonly View[] = [
  defineView({
    name: 'user-information',
    key: { userId: 'bigint' },
    row: from('users', { key: 'user_id', fields: { name: 'name', place: 'place' } }),
    aggregates: { ...counts, mentionCount: countOf('tweets', { by: 'mentioned_id' }) },
  }),
  // The same name means something else, and one count is gone.
  defineView({
    name: 'user-information',
    key: { userId: 'bigint' },
    row: from('users', { key: 'user_id', fields: { name: 'place' } }),
    aggregates: {
      tweetCount: countOf('tweets', { by: 'mentioned_id' }),
      followerCount: counts.followerCount,
    },
  }),
  // Another table.
  defineView({
    name: 'user-information',
    key: { userId: 'bigint' },
    row: from('users', { key: 'user_id', fields: { name: 'name', place: 'place' } }),
    aggregates: { ...counts, likeCount: countOf('likes', { by: 'user_id' }) },
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
export function weightOf({ by, where, adds }: Count, row: Row | undefined, key: string): bigint {
  if (!row || row[by[0]!] === null || String(row[by[0]!]) !== key) return 0n
  const isMeant = where.every(({ column, is, values }) => {
    const value = row[column]!
    if (is === 'null') return value === null
    if (is === '>') return value !== null && BigInt(value) > BigInt(values[0]!)
    throw new Error(`no view of the simulation asks for ${is}`)
  })
  if (!isMeant) return 0n
  if (adds.kind === 'row') return 1n
  const value = row[adds.column]!
  if (value === null) return 0n
  return adds.kind === 'sum' ? BigInt(value) : 1n
}
