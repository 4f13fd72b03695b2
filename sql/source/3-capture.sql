-- What Millrace and Debezium need in the source database, and no more. Run by a superuser in the
-- source database, after the tables are there. May be run again at any time.
grant select on public.users, public.tweets, public.follows, public.likes
  to millrace_capture, millrace;
grant usage on schema public to millrace_capture, millrace;

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
insert into millrace.source_version (version) values (1) on conflict do nothing;
