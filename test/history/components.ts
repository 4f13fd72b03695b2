/**
 * What of an entry is written by one table, and so may be ahead of the rest of the entry: the fields
 * of its row, and each counter. The names are written out by hand, not taken from the declaration.
 */
export const countNames = ['tweetCount', 'followingCount', 'followerCount', 'likeCount'] as const
export type CountName = (typeof countNames)[number]

export const tableNames = ['users', 'tweets', 'follows', 'likes'] as const
export type TableName = (typeof tableNames)[number]

/** Column, name in JSON and name in Redis of each field of the row. */
export const fieldNames = [
  ['username', 'username', 'username'],
  ['name', 'name', 'name'],
  ['description', 'description', 'description'],
  ['location', 'location', 'location'],
  ['web_page_url', 'webPageUrl', 'web-page-url'],
  ['joined_date', 'joinedDate', 'joined-date'],
  ['profile_image_url', 'profileImageUrl', 'profile-image-url'],
  ['background_image_url', 'backgroundImageUrl', 'background-image-url'],
] as const

export const redisCountNames: Readonly<Record<CountName, string>> = {
  tweetCount: 'tweet-count',
  followingCount: 'following-count',
  followerCount: 'follower-count',
  likeCount: 'like-count',
}

export const primaryKeys: Readonly<Record<TableName, readonly string[]>> = {
  users: ['user_id'],
  tweets: ['tweet_id'],
  follows: ['follower_id', 'followee_id'],
  likes: ['user_id', 'tweet_id'],
}

/** Which counters a row of a table counts in, by the column with the user. */
export const contributions: Readonly<
  Record<Exclude<TableName, 'users'>, readonly (readonly [column: string, count: CountName])[]>
> = {
  tweets: [['user_id', 'tweetCount']],
  follows: [
    ['follower_id', 'followingCount'],
    ['followee_id', 'followerCount'],
  ],
  likes: [['user_id', 'likeCount']],
}

/** The row's fields in the order of `fieldNames`. */
export type RowState = readonly (string | null)[]

/** One record of a committed transaction, as far as one component of one user is concerned. */
export type ComponentChange =
  | { readonly kind: 'row'; readonly user: string; readonly state: RowState | null }
  | {
      readonly kind: 'count'
      readonly user: string
      readonly count: CountName
      /** The row that is counted. */
      readonly row: string
      readonly amount: 1 | -1
    }

export function isTable(name: string): name is TableName {
  return (tableNames as readonly string[]).includes(name)
}
