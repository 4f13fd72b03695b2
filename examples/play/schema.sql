-- What players of a game do: clicks, and pages that they look at.
create table public.clicks (
  click_id bigint primary key,
  session_id bigint not null,
  target text not null,
  clicked_at timestamptz not null
);

create table public.page_views (
  view_id bigint primary key,
  session_id bigint not null,
  page text not null,
  spent_ms integer not null,
  viewed_at timestamptz not null
);

-- A look at a session's window counts its rows.
create index clicks_session on public.clicks (session_id, clicked_at);
create index page_views_session on public.page_views (session_id, viewed_at);
