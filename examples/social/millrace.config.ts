import { bigint, countOf, defineConfig, defineView, from, latestOf, lookup } from 'millrace'
import { timestamptz } from 'millrace'
import { userInformation } from './user-information.ts'

const tweet = defineView({
  name: 'tweet',
  serve: '/tweets/:tweetId',
  key: { tweetId: 'bigint' },
  row: from('tweets', {
    key: 'tweet_id',
    fields: { userId: bigint('user_id'), text: 'text', createdAt: timestamptz('created_at') },
  }),
  aggregates: { likeCount: countOf('likes', { by: 'tweet_id' }) },
  // Their names of the moment in which it is read.
  lookups: {
    author: lookup('user-information', {
      by: 'userId',
      fields: { username: 'text', name: 'text', profileImageUrl: 'text' },
    }),
  },
})

/** A user's newest tweets, also without asking for each of them. */
const timeline = defineView({
  name: 'timeline',
  serve: '/timelines/:userId',
  key: { userId: 'bigint' },
  row: from('users', { key: 'user_id', fields: { username: 'username' } }),
  aggregates: {
    tweets: latestOf('tweets', {
      order: timestamptz('created_at'),
      key: bigint('tweet_id'),
      most: 20,
      fields: {
        tweetId: bigint('tweet_id'),
        text: 'text',
        createdAt: timestamptz('created_at'),
      },
      by: 'user_id',
    }),
  },
})

export default defineConfig({ views: [userInformation, tweet, timeline] })
