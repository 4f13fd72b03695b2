/**
 * Every statement of the traffic, by the name under which it is prepared. Rows that refer to others
 * are made of those that exist, so that a user who is gone makes a statement that changes nothing.
 */
export const statements = {
  makeUser: `insert into users (user_id, username, name, description, location, web_page_url,
      joined_date, profile_image_url, background_image_url)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing`,
  deleteUser: 'delete from users where user_id = $1',
  moveUserKey: `update users set user_id = $2 where user_id = $1
    and not exists (select from users where user_id = $2)`,
  cascadeOfUser: `select (select count(*) from follows where follower_id = $1 or followee_id = $1)
    + (select count(*) from likes where user_id = $1
       or tweet_id in (select tweet_id from tweets where user_id = $1))
    + (select count(*) from tweets where user_id = $1) as rows`,
  setUsername: 'update users set username = $2 where user_id = $1',
  setName: 'update users set name = $2 where user_id = $1',
  setDescription: 'update users set description = $2 where user_id = $1',
  setLocation: 'update users set location = $2 where user_id = $1',
  setWebPageUrl: 'update users set web_page_url = $2 where user_id = $1',
  setJoinedDate: 'update users set joined_date = $2 where user_id = $1',
  setProfileImageUrl: 'update users set profile_image_url = $2 where user_id = $1',
  setBackgroundImageUrl: 'update users set background_image_url = $2 where user_id = $1',

  tweet: `insert into tweets (tweet_id, user_id, text)
    select $2, user_id, $3 from users where user_id = $1 on conflict do nothing`,
  editTweet: 'update tweets set text = $2 where tweet_id = $1',
  moveTweet: `update tweets set user_id = $2 where tweet_id = $1
    and exists (select from users where user_id = $2)`,
  deleteTweet: 'delete from tweets where tweet_id = $1',
  moveTweetKey: `update tweets set tweet_id = $2 where tweet_id = $1
    and not exists (select from likes where tweet_id = $1)`,
  cascadeOfTweet: 'select count(*) as rows from likes where tweet_id = $1',

  follow: `insert into follows (follower_id, followee_id)
    select a.user_id, b.user_id from users a, users b where a.user_id = $1 and b.user_id = $2
    on conflict do nothing`,
  unfollow: 'delete from follows where follower_id = $1 and followee_id = $2',
  unfollowSome: `delete from follows where follower_id = $1 and followee_id =
    (select followee_id from follows where follower_id = $1 and followee_id >= $2
     order by followee_id limit 1)`,
  moveFollowKey: `update follows set followee_id = $3 where follower_id = $1 and followee_id =
    (select followee_id from follows where follower_id = $1 and followee_id >= $2
     order by followee_id limit 1)
    and exists (select from users where user_id = $3)
    and not exists (select from follows where follower_id = $1 and followee_id = $3)`,

  like: `insert into likes (user_id, tweet_id)
    select users.user_id, tweet_id from users, tweets where users.user_id = $1 and tweet_id = $2
    on conflict do nothing`,
  unlike: 'delete from likes where user_id = $1 and tweet_id = $2',
  unlikeSome: `delete from likes where user_id = $1 and tweet_id =
    (select tweet_id from likes where user_id = $1 and tweet_id >= $2 order by tweet_id limit 1)`,
  moveLikeKey: `update likes set tweet_id = $3 where user_id = $1 and tweet_id =
    (select tweet_id from likes where user_id = $1 and tweet_id >= $2 order by tweet_id limit 1)
    and exists (select from tweets where tweet_id = $3)
    and not exists (select from likes where user_id = $1 and tweet_id = $3)`,

  manyFollows: `insert into follows (follower_id, followee_id)
    select a.user_id, b.user_id from unnest($1::bigint[]) as chosen (id)
    join users a on a.user_id = chosen.id join users b on b.user_id = $2
    on conflict do nothing`,
  manyLikes: `insert into likes (user_id, tweet_id)
    select users.user_id, tweet_id from unnest($1::bigint[]) as chosen (id)
    join users on users.user_id = chosen.id join tweets on tweet_id = $2
    on conflict do nothing`,
  manyTweets: `insert into tweets (tweet_id, user_id, text)
    select chosen.id, users.user_id, 'one of many' from unnest($1::bigint[]) as chosen (id)
    join users on users.user_id = $2 on conflict do nothing`,

  begin: 'begin',
  commit: 'commit',
  rollback: 'rollback',
  savepoint: 'savepoint here',
  rollbackToSavepoint: 'rollback to savepoint here',
} as const

export type StatementName = keyof typeof statements

export type Parameter = string | bigint | null | readonly bigint[]
