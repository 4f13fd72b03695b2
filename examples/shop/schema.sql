-- What a shop of films knows: films, who saw and rated which, and what was ordered. A rating may come
-- before its film does, or for a film that never comes, so nothing holds it to one.
create table public.movies (
  movie_id bigint primary key,
  title text not null,
  category text not null,
  released_on date
);

create table public.ratings (
  customer_id bigint not null,
  movie_id bigint not null,
  stars smallint not null,
  seen_at timestamptz not null check (isfinite(seen_at)),
  rated_at timestamptz not null check (isfinite(rated_at)),
  primary key (customer_id, movie_id)
);

create table public.orders (
  order_id bigint primary key,
  customer_id bigint not null,
  category text not null,
  total numeric(10, 2) not null check (total <> 'NaN'),
  placed_at timestamptz not null
);

-- A look at a customer, a film or a customer's orders of a category counts their rows.
create index ratings_movie_id on public.ratings (movie_id);
create index orders_customer on public.orders (customer_id, category);
