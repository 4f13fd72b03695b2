-- Views may keep their entries for some time only.

alter table millrace.views add column keep_from bigint;

comment on column millrace.views.keep_from is 'Entries whose time is below this one, in seconds since 1970, are let go; null where all are kept.';
