-- One user: two looks at red cars in May and a search for a green one a week later.
insert into public.interests (interest_id, user_id, day, kind, make, colour, price_band, doors)
values
  (1, 1, '2026-05-01', 'view', 'Volvo', 'red', '5-10', 5),
  (2, 1, '2026-05-01', 'view', 'Saab', 'red', '5-10', 3),
  (3, 1, '2026-05-08', 'search', null, 'green', '5-10', null);
