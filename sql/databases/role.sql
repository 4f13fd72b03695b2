-- A role that may log in. Run by who may make roles, in any database of the cluster, with its name
-- and its password in these settings of the session: millrace.role, millrace.password. May be run
-- again at any time; the password is then set anew.
do $$
declare
  name text := current_setting('millrace.role');
begin
  if not exists (select from pg_roles where rolname = name) then
    execute format('create role %I', name);
  end if;
  execute format('alter role %I login password %L', name, current_setting('millrace.password'));
end
$$;
