-- Who may do what in the source database. Run by a superuser in any database of the cluster, with
-- the passwords in these settings of the session: millrace.app_password, millrace.capture_password,
-- millrace.source_password. May be run again at any time; the passwords are then set anew.
do $$
begin
  -- Owns the application's tables and database.
  if to_regrole('millrace_app') is null then
    create role millrace_app;
  end if;
  -- Debezium: reads the log by a replication slot.
  if to_regrole('millrace_capture') is null then
    create role millrace_capture;
  end if;
  -- Millrace itself: compares its views with SQL, and writes markers into the log.
  if to_regrole('millrace') is null then
    create role millrace;
  end if;
  execute format('alter role millrace_app login password %L',
    current_setting('millrace.app_password'));
  execute format('alter role millrace_capture login replication password %L',
    current_setting('millrace.capture_password'));
  execute format('alter role millrace login password %L',
    current_setting('millrace.source_password'));
end
$$;
