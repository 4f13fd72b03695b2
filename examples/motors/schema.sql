-- Cars that people looked at, and what they searched for: a search names some of the columns.
create table public.interests (
  interest_id bigint primary key,
  user_id bigint not null,
  day date not null,
  kind text not null,
  make text,
  model text,
  body text,
  fuel text,
  gearbox text,
  drive text,
  colour text,
  interior text,
  price_band text,
  mileage_band text,
  age_band text,
  power_band text,
  doors smallint,
  seats smallint,
  owners smallint,
  region text,
  seller text,
  condition text,
  emission_class text,
  equipment text
);

-- A look at a user's day counts its rows.
create index interests_user_day on public.interests (user_id, day);
