-- What Millrace knows about the views that it keeps in this database.

create table millrace.views (
  view text primary key,
  generation text not null,
  number integer not null,
  phase text not null check (phase in ('building', 'serving', 'dropping')),
  topics jsonb not null,
  watermark pg_lsn,
  barrier jsonb,
  mark jsonb
);

comment on column millrace.views.generation is 'Random id of one complete building of the view; every write names it.';
comment on column millrace.views.watermark is 'Every change of the source that was committed before it is in the view.';
comment on column millrace.views.mark is 'Why the view must be built anew.';

create table millrace.checkpoints (
  view text not null,
  topic text not null,
  partition integer not null,
  phase text not null check (phase in ('pouring', 'live')),
  poured integer not null,
  next bigint not null,
  last_offset bigint,
  last_hash text,
  window_from bigint not null,
  window_at_ms bigint not null,
  at_ms bigint not null,
  key_schema integer,
  primary key (view, topic, partition)
);

comment on column millrace.checkpoints.next is 'Offset of the next record to apply; moves in the transaction that applies what is before it.';

create table millrace.parked (
  view text not null,
  topic text not null,
  partition integer not null,
  record_offset bigint not null,
  timestamp_ms bigint not null,
  key bytea,
  value bytea,
  phase text not null check (phase in ('pour', 'live')),
  reason text not null,
  primary key (view, topic, partition, record_offset)
);

create table millrace.problems (
  view text not null,
  topic text not null,
  partition integer not null,
  problem jsonb not null,
  primary key (view, topic, partition)
);

create table millrace.leases (
  view text primary key,
  holder text not null,
  held_until timestamptz not null
);
