-- One session, with a click at the very end of a window, one at the next one's beginning, and one
-- before 1970, where windows go on as they do after it.
insert into public.clicks (click_id, session_id, target, clicked_at) values
  (1, 1, 'start', '2026-01-01 12:00:00Z'),
  (2, 1, 'jump', '2026-01-01 12:00:59.999999Z'),
  (3, 1, 'jump', '2026-01-01 12:01:00Z'),
  (4, 1, 'jump', '1969-12-31 23:59:59.999999Z');

insert into public.page_views (view_id, session_id, page, spent_ms, viewed_at) values
  (1, 1, '/lobby', 12000, '2026-01-01 12:00:01Z'),
  (2, 1, '/arena', 48000, '2026-01-01 12:00:13Z'),
  (3, 1, '/shop', 3000, '2026-01-01 12:04:59Z');
