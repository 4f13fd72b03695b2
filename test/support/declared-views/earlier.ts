import { countOf, defineConfig, defineView, from, timestamptz } from '../../../src/index.ts'

/** `user-information` without a field and a counter of `later.ts`, and with two that it lacks. */
const views = [
  defineView({
    name: 'user-information',
    serve: '/users/:userId',
    key: { userId: 'bigint' },
    row: from('users', {
      key: 'user_id',
      fields: {
        username: 'username',
        name: 'name',
        location: 'location',
        webPageUrl: 'web_page_url',
        joinedDate: timestamptz('joined_date'),
        profileImageUrl: 'profile_image_url',
        backgroundImageUrl: 'background_image_url',
      },
    }),
    counts: {
      tweetCount: countOf('tweets', { by: 'user_id' }),
      followingCount: countOf('follows', { by: 'follower_id' }),
      followerCount: countOf('follows', { by: 'followee_id' }),
    },
  }),
]

export default defineConfig({ views })
