-- A small network to look at, the same on every machine. Run once, after schema.sql, by the owner of
-- the tables. The last two users differ only in what a JavaScript number can't tell apart.
insert into public.users (user_id, username, name, description, location, web_page_url, joined_date)
select
  id,
  'user' || id,
  (array['Ada', 'Bela', 'Chidi', 'Dana', 'Emre', 'Fatou', 'Goro', 'Hana'])[1 + id % 8]
    || ' ' || (array['Miller', 'Wheeler', 'Rivers', 'Stone', 'Ford'])[1 + id % 5],
  case when id % 4 = 0 then null else 'Writes about ' || (array['rivers', 'mills', 'bread'])[1 + id % 3] end,
  case when id % 3 = 0 then null else (array['Lagos', 'Lima', 'Lyon', 'Lahore'])[1 + id % 4] end,
  case when id % 5 = 0 then 'https://example.com/' || id end,
  timestamptz '2020-01-01 00:00:00Z' + id * interval '26 hours'
from generate_series(1, 40) id;

insert into public.users (user_id, username, name, joined_date) values
  (9007199254740992, 'even', 'Even', timestamptz '2021-03-04 05:06:07.089Z'),
  (9007199254740993, 'odd', 'Odd', timestamptz '2021-03-04 05:06:07.09Z');

insert into public.tweets (tweet_id, user_id, text, created_at)
select
  1000 + n,
  1 + (n * n) % 40,
  'The wheel turns for the ' || n || '. time',
  timestamptz '2022-01-01 00:00:00Z' + n * interval '3 hours'
from generate_series(1, 160) n;

-- Low numbers are popular: whoever follows somebody follows a user with a smaller number or 1.
insert into public.follows (follower_id, followee_id, created_at)
select distinct on (follower, followee)
  follower, followee, timestamptz '2022-06-01 00:00:00Z' + follower * interval '1 hour'
from generate_series(2, 40) follower,
  lateral (select 1 + (follower * step) % (1 + follower / (1 + step)) as followee
           from generate_series(0, 7) step) chosen
where follower <> followee;

insert into public.likes (user_id, tweet_id, created_at)
select distinct on (liker, liked)
  liker, liked, timestamptz '2023-01-01 00:00:00Z' + liker * interval '7 minutes'
from generate_series(1, 40) liker,
  lateral (select 1000 + 1 + (liker * step * step) % 160 as liked
           from generate_series(1, 6) step) chosen;
