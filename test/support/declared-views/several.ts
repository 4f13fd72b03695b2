import { bigint, countOf, defineConfig, defineView, from } from '../../../src/index.ts'

/** Three views over the same tables. Only the last one shows `web_page_url`. */
const views = [
  defineView({
    name: 'user-information',
    serve: '/users/:userId',
    key: { userId: 'bigint' },
    row: from('users', { key: 'user_id', fields: { username: 'username', name: 'name' } }),
    counts: {
      tweetCount: countOf('tweets', { by: 'user_id' }),
      likeCount: countOf('likes', { by: 'user_id' }),
    },
  }),
  defineView({
    name: 'tweet-likes',
    serve: '/tweets/:tweetId',
    key: { tweetId: 'bigint' },
    row: from('tweets', { key: 'tweet_id', fields: { userId: bigint('user_id') } }),
    counts: { likeCount: countOf('likes', { by: 'tweet_id' }) },
  }),
  defineView({
    name: 'user-pages',
    serve: '/pages/:userId',
    key: { userId: 'bigint' },
    row: from('users', { key: 'user_id', fields: { webPageUrl: 'web_page_url' } }),
    counts: { followingCount: countOf('follows', { by: 'follower_id' }) },
  }),
]

export default defineConfig({ views })
