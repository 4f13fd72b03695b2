import { averageOf, bigint, countOf, date, defineConfig, defineView, earliestOf } from 'millrace'
import { eq, from, latestOf, numeric, smallint, timestamptz } from 'millrace'
import { shownRatings } from './shown-ratings.ts'

const movie = defineView({
  name: 'movie',
  serve: '/movies/:movieId',
  key: { movieId: 'bigint' },
  row: from('movies', {
    key: 'movie_id',
    fields: { title: 'title', category: 'category', releasedOn: date('released_on') },
  }),
  aggregates: {
    ratingCount: countOf('ratings', { by: 'movie_id' }),
    fiveStarsCount: countOf('ratings', { by: 'movie_id', where: [eq(smallint('stars'), 5)] }),
    averageStars: averageOf('ratings', { of: smallint('stars'), digits: 2, by: 'movie_id' }),
  },
})

const [ratedAt, seenAt] = [timestamptz('rated_at'), timestamptz('seen_at')]
const movieId = bigint('movie_id')

/** A customer's newest ratings, with the films that they are about. */
const customer = defineView({
  name: 'customer',
  serve: '/customers/:customerId',
  key: { customerId: 'bigint' },
  aggregates: {
    ratingCount: countOf('ratings', { by: 'customer_id' }),
    ratings: latestOf('ratings', {
      order: ratedAt,
      key: [bigint('customer_id'), movieId],
      most: 100,
      fields: { movieId, stars: smallint('stars'), seenAt, ratedAt },
      by: 'customer_id',
    }),
  },
  respond: ({ entry, read }) =>
    entry && shownRatings(entry, async (keys) => (await read([{ view: movie, keys }]))[0]),
})

const [orderId, placedAt] = [bigint('order_id'), timestamptz('placed_at')]
const listed = {
  order: placedAt,
  key: orderId,
  fields: { orderId, total: numeric('total'), placedAt },
  by: ['customer_id', 'category'],
}
const orders = defineView({
  name: 'customer-orders',
  serve: '/orders/:customerId/:category',
  key: { customerId: 'bigint', category: 'text' },
  aggregates: {
    orders: latestOf('orders', { ...listed, most: 30 }),
    firstOrders: earliestOf('orders', { ...listed, most: 3 }),
  },
})

export default defineConfig({ views: [movie, customer, orders] })
