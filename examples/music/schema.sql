-- Who listened to what, and names of it. Names may come later than listens, or never.
create table public.artists (artist_id bigint primary key, name text not null);
create table public.albums (album_id bigint primary key, name text not null);
create table public.tracks (track_id bigint primary key, name text not null);

create table public.listens (
  listen_id bigint primary key,
  user_id bigint not null,
  track_id bigint not null,
  album_id bigint not null,
  artist_id bigint not null,
  listened_at timestamptz not null
);

-- A look at a listener, or at what is listened to, counts its rows.
create index listens_user_id on public.listens (user_id);
create index listens_track_id on public.listens (track_id);
create index listens_album_id on public.listens (album_id);
create index listens_artist_id on public.listens (artist_id);
