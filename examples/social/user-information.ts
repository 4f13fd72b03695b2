import { countOf, defineConfig, defineView, from, timestamptz, type View } from 'millrace'

/** A user's profile and counters, as a profile page shows them. */
export const userInformation: View = defineView({
  name: 'user-information',
  serve: '/users/:userId',
  key: { userId: 'bigint' },
  row: from('users', {
    key: 'user_id',
    fields: {
      username: 'username',
      name: 'name',
      description: 'description',
      location: 'location',
      webPageUrl: 'web_page_url',
      joinedDate: timestamptz('joined_date'),
      profileImageUrl: 'profile_image_url',
      backgroundImageUrl: 'background_image_url',
    },
  }),
  aggregates: {
    tweetCount: countOf('tweets', { by: 'user_id' }),
    followingCount: countOf('follows', { by: 'follower_id' }),
    followerCount: countOf('follows', { by: 'followee_id' }),
    likeCount: countOf('likes', { by: 'user_id' }),
  },
})

/** This view alone, as tests and benchmarks keep it. */
export default defineConfig({ views: [userInformation] })
