-- One user: two looks at red cars a week ago, and a search for a green one today.
insert into public.interests (interest_id, user_id, day, kind, make, colour, price_band, doors)
select id, 1, (now() at time zone 'UTC')::date - days_ago, kind, make, colour, '5-10', doors
from (
  values
    (1, 7, 'view', 'Volvo', 'red', 5),
    (2, 7, 'view', 'Saab', 'red', 3),
    (3, 0, 'search', null, 'green', null)
) as seen (id, days_ago, kind, make, colour, doors);
