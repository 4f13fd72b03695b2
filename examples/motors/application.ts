import { inserted, type Application, type Row, type Scene, type Statement } from '../generator.ts'
import { dimensions } from './dimensions.ts'

const dayMs = 86_400_000
const daysBack = 60
const columns = Object.values(dimensions)

/** People who look for a car, each with a taste, over two months. */
export const motors: Application = {
  tables: {
    interests: {
      interest_id: 'bigint',
      user_id: 'bigint',
      day: 'date',
      kind: 'text',
      ...Object.fromEntries(columns.map(({ column, type }) => [column, type])),
    },
  },

  *rows(scene: Scene): Iterable<Row> {
    for (let id = 1; id <= scene.size; id += 1) {
      yield interest(scene, id, scene.chance.integer(0, daysBack - 1))
    }
  },

  change(scene: Scene): readonly Statement[] {
    const { chance, size } = scene
    const known = chance.integer(1, size)
    switch (chance.integer(0, 19)) {
      case 0:
        return [{ sql: 'delete from interests where interest_id = $1', values: [known] }]
      case 1: {
        const sql = 'update interests set colour = $2, price_band = $3 where interest_id = $1'
        return [
          {
            sql,
            values: [
              known,
              valueOf(scene, dimensions.colour),
              valueOf(scene, dimensions.priceBand),
            ],
          },
        ]
      }
      case 2: {
        const sql = 'update interests set day = day - 1 where interest_id = $1'
        return [{ sql, values: [known] }]
      }
      default:
        return [inserted(this, interest(scene, chance.id(), 0))]
    }
  },
}

function interest(scene: Scene, id: number, daysAgo: number): Row {
  const { chance, size, nowMs } = scene
  const user = chance.skewed(Math.max(10, Math.round(size / 50)), 0.6)
  const day = new Date(nowMs - daysAgo * dayMs).toISOString().slice(0, 10)
  const isSearch = chance.happens(0.3)
  const values = columns.map((column) =>
    // A search names few of them, or none.
    isSearch && chance.happens(column === dimensions.make ? 0.3 : 0.8)
      ? null
      : valueOf(scene, column, user),
  )
  return {
    table: 'interests',
    values: [id, user, day, isSearch ? 'search' : 'view', ...values],
  }
}

/** Of few values, of which each user likes others best. */
function valueOf(
  { chance }: Scene,
  { column, type }: (typeof columns)[number],
  user = 0,
): string | number {
  const choices = 12
  const at = (chance.skewed(choices, 1.4) - 1 + user) % choices
  return type === 'smallint' ? at : `${column} ${at}`
}
