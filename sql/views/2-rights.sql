-- Rights in the database of the views. Run by a superuser in that database, which millrace_views
-- owns. May be run again at any time.
do $$
begin
  -- Where an earlier release had its views made by the role that reads the source.
  if to_regrole('millrace') is not null then
    reassign owned by millrace to millrace_views;
  end if;
end
$$;

grant usage, create on schema public to millrace_views;

-- A reader's rights on what is there, and on what workers will make.
grant usage on schema public to millrace_reader;
grant select on all tables in schema public to millrace_reader;
alter default privileges for role millrace_views grant usage on schemas to millrace_reader;
alter default privileges for role millrace_views grant select on tables to millrace_reader;
do $$
begin
  if to_regnamespace('millrace') is not null then
    grant usage on schema millrace to millrace_reader;
    grant select on all tables in schema millrace to millrace_reader;
  end if;
end
$$;
