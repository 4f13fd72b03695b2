-- Two stores may have views of one name, which share a Kafka.

alter table millrace.views add column instance text;

comment on column millrace.views.instance is 'Random, and the same in every epoch; null where an earlier release has begun the view, until a worker coordinates it.';
