import { inserted, type Application, type Row, type Scene, type Statement } from '../generator.ts'

const dayMs = 86_400_000
const categories = ['drama', 'comedy', 'silent', 'western', 'musical']

/** Customers who see films, rate them, most of them soon, and order; films that come after ratings. */
export const shop: Application = {
  tables: {
    movies: { movie_id: 'bigint', title: 'text', category: 'text', released_on: 'date' },
    ratings: {
      customer_id: 'bigint',
      movie_id: 'bigint',
      stars: 'smallint',
      seen_at: 'timestamptz',
      rated_at: 'timestamptz',
    },
    orders: {
      order_id: 'bigint',
      customer_id: 'bigint',
      category: 'text',
      total: 'numeric',
      placed_at: 'timestamptz',
    },
  },

  *rows(scene: Scene): Iterable<Row> {
    const { chance, size } = scene
    // One film in ten comes later, if ever.
    for (let id = 1; id <= moviesOf(size); id += 1) if (!chance.happens(0.1)) yield movie(scene, id)
    for (let id = 1; id <= size; id += 1) {
      const agoMs = chance.integer(0, 300 * dayMs)
      yield chance.happens(0.5) ? rating(scene, agoMs) : order(scene, id, agoMs)
    }
  },

  change(scene: Scene): readonly Statement[] {
    const { chance, size } = scene
    const known = chance.integer(1, size)
    switch (chance.integer(0, 19)) {
      case 0:
        return [{ sql: 'delete from orders where order_id = $1', values: [known] }]
      case 1:
      case 2: {
        const [id, title, category] = movie(scene, chance.integer(1, moviesOf(size))).values
        const sql =
          'insert into movies (movie_id, title, category) values ($1, $2, $3) ' +
          'on conflict (movie_id) do update set title = excluded.title'
        return [{ sql, values: [id!, `${title} (${chance.integer(2, 9)})`, category!] }]
      }
      case 3:
        return [
          {
            sql: 'update orders set category = $2 where order_id = $1',
            values: [known, chance.pick(categories)],
          },
        ]
      case 4:
        // Loaded from an older system: what happened long ago is told only today.
        return [inserted(this, order(scene, chance.id(), chance.integer(0, 900 * dayMs)))]
      case 5: {
        const [who, film, stars] = rating(scene, 0).values
        const sql = 'update ratings set stars = $3 where customer_id = $1 and movie_id = $2'
        return [{ sql, values: [who!, film!, stars!] }]
      }
      case 6: {
        const [who, film] = rating(scene, 0).values
        const sql = 'delete from ratings where customer_id = $1 and movie_id = $2'
        return [{ sql, values: [who!, film!] }]
      }
      default:
        return chance.happens(0.5)
          ? [inserted(this, rating(scene, 0))]
          : [inserted(this, order(scene, chance.id(), 0))]
    }
  },
}

function moviesOf(size: number): number {
  return Math.max(20, Math.round(size / 20))
}

function customer({ chance, size }: Scene): number {
  return chance.skewed(Math.max(10, Math.round(size / 50)), 0.7)
}

function movie({ chance }: Scene, id: number): Row {
  const released = new Date(Date.UTC(1910 + (id % 115), id % 12, 1 + (id % 28)))
  const values = [id, `Film ${id}`, chance.pick(categories), released.toISOString().slice(0, 10)]
  return { table: 'movies', values }
}

/** One rating in six is made more than a month after the film was seen. */
function rating(scene: Scene, agoMs: number): Row {
  const { chance, size, nowMs } = scene
  const ratedMs = nowMs - agoMs
  const waitedDays = chance.happens(1 / 6) ? chance.integer(32, 90) : chance.integer(0, 27)
  const values = [
    customer(scene),
    chance.skewed(moviesOf(size), 0.8),
    chance.integer(1, 5),
    new Date(ratedMs - waitedDays * dayMs).toISOString(),
    new Date(ratedMs).toISOString(),
  ]
  return { table: 'ratings', values }
}

function order(scene: Scene, id: number, agoMs: number): Row {
  const { chance, nowMs } = scene
  const total = (chance.integer(100, 9_999) / 100).toFixed(2)
  const at = new Date(nowMs - agoMs).toISOString()
  const values = [id, customer(scene), chance.pick(categories), total, at]
  return { table: 'orders', values }
}
