-- Tallies lie beside a view's table, in one of their own. Their items are looked at apart from the
-- owning row, so the ticket of an entry's amounts and that of its row come and go each by itself.

delete from millrace.tickets;

alter table millrace.tickets
  alter column ticket drop not null,
  drop column row_stands,
  add column row_ticket text;

comment on column millrace.tickets.ticket is 'Of the entry''s amounts; null once it is used up.';
comment on column millrace.tickets.row_ticket is 'Of the owning row; null once it is used up, or a commit has put or removed the row since.';

alter table millrace.views add column has_cells boolean not null default false;

comment on column millrace.views.has_cells is 'Whether a table of tallies belongs to the view: without it, the view is begun anew.';
