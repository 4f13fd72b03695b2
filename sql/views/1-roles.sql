-- Who may do what with views that are kept in Postgres. Run by a superuser in any database of the
-- cluster, with the passwords in these settings of the session: millrace.worker_password,
-- millrace.reader_password. May be run again at any time; the passwords are then set anew.
do $$
begin
  -- Workers: own the views and keep them.
  if to_regrole('millrace_views') is null then
    create role millrace_views;
  end if;
  -- APIs: read the views.
  if to_regrole('millrace_reader') is null then
    create role millrace_reader;
  end if;
  execute format('alter role millrace_views login password %L',
    current_setting('millrace.worker_password'));
  execute format('alter role millrace_reader login password %L',
    current_setting('millrace.reader_password'));
end
$$;
