import { countOf, defineConfig, defineView, from, timestamptz } from '../../../src/index.ts'

/** `user-information` with `description` and `likeCount`, without `location` and `followingCount`. */
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
        description: 'description',
        webPageUrl: 'web_page_url',
        joinedDate: timestamptz('joined_date'),
        profileImageUrl: 'profile_image_url',
        backgroundImageUrl: 'background_image_url',
      },
    }),
    counts: {
      tweetCount: countOf('tweets', { by: 'user_id' }),
      followerCount: countOf('follows', { by: 'followee_id' }),
      likeCount: countOf('likes', { by: 'user_id' }),
    },
  }),
]

export default defineConfig({ views })
