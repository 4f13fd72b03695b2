/** A view whose entries belong to rows of users, and what later releases declare. */
import { bigint } from '../../src/types/declare.ts'
import { latestOf } from '../../src/view/aggregates/latest-of.ts'
import { averageOf } from '../../src/view/aggregates/average-of.ts'
import { sumOf } from '../../src/view/aggregates/sum-of.ts'
import { topOf } from '../../src/view/aggregates/top-of.ts'
import { gt, isNull } from '../../src/view/condition.ts'
import { countOf, defineView, from } from '../../src/view/define-view.ts'
import type { View } from '../../src/view/view.ts'

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
