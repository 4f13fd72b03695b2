-- What Millrace and Debezium need in the source database, and no more. Run by a superuser in the
-- source database, after the tables are there. May be run again at any time.

-- A comparison locks the tables against TRUNCATE before it takes its snapshot. LOCK TABLE … IN
-- ACCESS SHARE MODE asks for the right to select from the whole table: the columns alone, which are
-- all that is read, are not enough for it (Postgres 15 to 18).
grant usage on schema public to millrace, millrace_capture;
grant select on public.users, public.tweets, public.follows, public.likes to millrace;
-- Which open transactions are idle, and so hold no comparison up.
grant pg_read_all_stats to millrace;

-- Debezium reads rows from the log alone, and what tables look like from the catalog.
revoke all on public.users, public.tweets, public.follows, public.likes from millrace_capture;

do $$
begin
  if not exists (select from pg_publication where pubname = 'millrace') then
    create publication millrace for table
      public.users, public.tweets, public.follows, public.likes;
  end if;
end
$$;

-- Which of these files a database has seen: a release that is older than its database stops.
create schema if not exists millrace;
grant usage on schema millrace to millrace;
create table if not exists millrace.source_version (
  version integer primary key,
  applied_at timestamptz not null default now()
);
grant select on millrace.source_version to millrace;
insert into millrace.source_version (version) values (1), (2) on conflict do nothing;
