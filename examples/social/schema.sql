-- The tables of the example, a small social network. Run once, in an empty database, by its owner.
create table public.users (
  user_id bigint primary key,
  username text not null,
  name text,
  description text,
  location text,
  web_page_url text,
  joined_date timestamptz not null default now(),
  profile_image_url text,
  background_image_url text
);

create table public.tweets (
  tweet_id bigint primary key,
  user_id bigint not null references public.users on delete cascade,
  text text,
  created_at timestamptz not null default now()
);

create table public.follows (
  follower_id bigint references public.users on delete cascade,
  followee_id bigint references public.users on delete cascade,
  created_at timestamptz not null default now(),
  primary key (follower_id, followee_id)
);

create table public.likes (
  user_id bigint references public.users on delete cascade,
  tweet_id bigint references public.tweets on delete cascade,
  created_at timestamptz not null default now(),
  primary key (user_id, tweet_id)
);

-- A cascade looks for the rows that refer to a deleted one; the primary keys serve the other two.
create index tweets_user_id on public.tweets (user_id);
create index follows_followee_id on public.follows (followee_id);
create index likes_tweet_id on public.likes (tweet_id);
