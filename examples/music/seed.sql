-- Two listeners with one taste, and a third. Who has heard track 1 may like track 3.
insert into public.artists values (1, 'The Wheelwrights'), (2, 'Sluice'), (3, 'Dry Dock');
insert into public.albums values (1, 'Grain'), (2, 'Low Water'), (3, 'Ballast');
insert into public.tracks values (1, 'Stone on Stone'), (2, 'Weir'), (3, 'Head of Water'), (4, 'Keel');

insert into public.listens (listen_id, user_id, track_id, album_id, artist_id, listened_at) values
  (1, 1, 1, 1, 1, '2026-01-01 08:00:00Z'),
  (2, 1, 1, 1, 1, '2026-01-01 08:04:00Z'),
  (3, 1, 2, 2, 2, '2026-01-02 20:30:00Z'),
  (4, 2, 1, 1, 1, '2026-01-03 09:00:00Z'),
  (5, 2, 2, 2, 2, '2026-01-03 09:05:00Z'),
  (6, 2, 3, 2, 2, '2026-01-03 09:09:00Z'),
  (7, 3, 4, 3, 3, '2026-01-04 23:59:00Z'),
  -- Nobody has told the name of this one yet.
  (8, 1, 99, 2, 2, '2026-01-05 07:00:00Z');
