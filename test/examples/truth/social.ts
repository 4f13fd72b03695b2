import type { Client } from 'pg'
import { answersOf, list, moment, type Truth } from './truth.ts'

export async function socialTruth(client: Client): Promise<Truth> {
  const parts = await Promise.all([users, tweets, timelines].map((sql) => answersOf(client, sql)))
  return new Map(parts.flatMap((part) => [...part]))
}

const users = `
  select '/users/' || user_id as path, json_build_object(
    'userId', user_id::text, 'username', username, 'name', name, 'description', description,
    'location', location, 'webPageUrl', web_page_url, 'joinedDate', ${moment('joined_date')},
    'profileImageUrl', profile_image_url, 'backgroundImageUrl', background_image_url,
    'tweetCount', (select count(*) from tweets t where t.user_id = u.user_id),
    'followingCount', (select count(*) from follows f where f.follower_id = u.user_id),
    'followerCount', (select count(*) from follows f where f.followee_id = u.user_id),
    'likeCount', (select count(*) from likes l where l.user_id = u.user_id)) as body
  from users u`

const tweets = `
  select '/tweets/' || tweet_id as path, json_build_object(
    'tweetId', tweet_id::text, 'userId', user_id::text, 'text', t.text,
    'createdAt', ${moment('created_at')},
    'likeCount', (select count(*) from likes l where l.tweet_id = t.tweet_id),
    'author', json_build_object('username', u.username, 'name', u.name,
      'profileImageUrl', u.profile_image_url)) as body
  from tweets t join users u using (user_id)`

const newest = list(
  `json_build_object('tweetId', tweet_id::text, 'text', text, 'createdAt', ${moment('created_at')})`,
  `select * from tweets t where t.user_id = u.user_id
   order by created_at desc, tweet_id desc limit 20`,
  'created_at desc, tweet_id desc',
)

const timelines = `
  select '/timelines/' || user_id as path, json_build_object(
    'userId', user_id::text, 'username', username, 'tweets', ${newest}) as body
  from users u`
