-- Film 3 has not come yet, and the rating of film 2 was made two months after it was seen.
insert into public.movies values
  (1, 'The Mill on the Floss', 'drama', '1997-01-01'),
  (2, 'Der Müller und sein Kind', 'silent', '1911-10-21');

insert into public.ratings values
  (1, 1, 5, '2026-01-01 20:00:00Z', '2026-01-02 09:00:00Z'),
  (1, 2, 2, '2026-01-01 20:00:00Z', '2026-03-05 09:00:00Z'),
  (1, 3, 4, '2026-01-03 20:00:00Z', '2026-01-04 09:00:00Z'),
  (2, 1, 4, '2026-01-05 18:00:00Z', '2026-01-31 12:00:00Z');

insert into public.orders values
  (1, 1, 'drama', 12.50, '2026-01-01 10:00:00Z'),
  (2, 1, 'drama', 8.00, '2026-01-09 10:00:00Z'),
  (3, 1, 'silent', 3.25, '2026-01-09 10:01:00Z');
