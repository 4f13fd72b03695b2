import type { Client } from 'pg'
import { answersOf, list, moment, type Truth } from './truth.ts'

export async function shopTruth(client: Client): Promise<Truth> {
  const parts = await Promise.all([movies, customers, orders].map((sql) => answersOf(client, sql)))
  return new Map(parts.flatMap((part) => [...part]))
}

const movies = `
  select '/movies/' || movie_id as path, json_build_object(
    'movieId', movie_id::text, 'title', title, 'category', category,
    'releasedOn', released_on::text,
    'ratingCount', (select count(*) from ratings r where r.movie_id = m.movie_id),
    'fiveStarsCount',
      (select count(*) from ratings r where r.movie_id = m.movie_id and r.stars = 5),
    'averageStars', (select round(avg(stars), 2)::text from ratings r where r.movie_id = m.movie_id)
  ) as body
  from movies m`

const newest = 'rated_at desc, movie_id desc'
const shown = list(
  `json_build_object('movieId', movie_id::text, 'title', title, 'category', category,
     'stars', stars, 'ratedAt', ${moment('rated_at')})`,
  `select r.*, m.title, m.category
   from (select * from ratings r where r.customer_id = c.customer_id order by ${newest} limit 100) r
   join movies m using (movie_id)
   where r.rated_at - r.seen_at <= interval '30 days'`,
  newest,
)

const customers = `
  select '/customers/' || customer_id as path, json_build_object(
    'customerId', customer_id::text, 'ratingCount', count(*), 'ratings', ${shown}) as body
  from ratings c group by customer_id`

const ordersOf = (order: string, most: number) =>
  list(
    `json_build_object('orderId', order_id::text, 'total', total::text,
       'placedAt', ${moment('placed_at')})`,
    `select * from orders o where o.customer_id = c.customer_id and o.category = c.category
     order by ${order} limit ${most}`,
    order,
  )

const orders = `
  select '/orders/' || customer_id || '/' || category as path, json_build_object(
    'customerId', customer_id::text, 'category', category,
    'orders', ${ordersOf('placed_at desc, order_id desc', 30)},
    'firstOrders', ${ordersOf('placed_at, order_id', 3)}) as body
  from orders c group by customer_id, category`
