-- The application's tables, as their owner millrace_app has them, and the replica identities that
-- the view needs. Run by a superuser in the source database. May be run again at any time.
set role millrace_app;

create table if not exists public.users (
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

create table if not exists public.tweets (
  tweet_id bigint primary key,
  user_id bigint not null references public.users on delete cascade,
  text text,
  created_at timestamptz not null default now()
);

create table if not exists public.follows (
  follower_id bigint references public.users on delete cascade,
  followee_id bigint references public.users on delete cascade,
  created_at timestamptz not null default now(),
  primary key (follower_id, followee_id)
);

create table if not exists public.likes (
  user_id bigint references public.users on delete cascade,
  tweet_id bigint references public.tweets on delete cascade,
  created_at timestamptz not null default now(),
  primary key (user_id, tweet_id)
);

-- A cascade looks for the rows that refer to a deleted one; the primary keys serve the other two.
create index if not exists tweets_user_id on public.tweets (user_id);
create index if not exists follows_followee_id on public.follows (followee_id);
create index if not exists likes_tweet_id on public.likes (tweet_id);

-- The whole old row in the log: its group may change, and unchanged long text would be left out.
alter table public.users replica identity full;
alter table public.tweets replica identity full;
-- The primary key holds both columns that are counted by.
alter table public.follows replica identity default;
alter table public.likes replica identity default;

reset role;
