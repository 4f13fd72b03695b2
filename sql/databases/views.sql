-- Rights in the database of views that are kept in Postgres. Run by a superuser in that database,
-- with the names of its owner, who keeps the views, and of the role that reads them in these settings
-- of the session: millrace.worker, millrace.reader. May be run again at any time.
do $$
declare
  worker text := current_setting('millrace.worker');
  reader text := current_setting('millrace.reader');
begin
  execute format('grant usage, create on schema public to %I', worker);

  -- A reader's rights on what is there, and on what workers will make.
  execute format('grant usage on schema public to %I', reader);
  execute format('grant select on all tables in schema public to %I', reader);
  execute format('alter default privileges for role %I grant usage on schemas to %I', worker, reader);
  execute format('alter default privileges for role %I grant select on tables to %I', worker, reader);
  if to_regnamespace('millrace') is not null then
    execute format('grant usage on schema millrace to %I', reader);
    execute format('grant select on all tables in schema millrace to %I', reader);
  end if;
end
$$;
