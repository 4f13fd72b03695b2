import { userIdAt } from '../../src/traffic/population.ts'
import type { Fault } from './faults.ts'
import { insistently, pause, runSql } from './scene.ts'

/** What an application may do to its database at any time, all of which the log tells. */
export const sqlFaults: readonly Fault[] = [
  {
    kind: 'big transaction',
    weight: 4,
    targets: [],
    run: async (scene, random) => {
      const rows = random.integer(2_000, 6_000)
      const first = random.bigId() >> 1n
      const author = userIdAt(scene.population.popular(random))
      await insistently(() =>
        runSql(
          scene,
          `insert into tweets (tweet_id, user_id, text)
             select ${first} + n, user_id, 'of a big transaction'
             from generate_series(1, ${rows}) n, users where user_id = ${author}
             on conflict do nothing`,
        ),
      )
      await pause(random, 0, 3_000)
      await insistently(() =>
        runSql(scene, `delete from tweets where tweet_id between ${first} and ${first} + ${rows}`),
      )
      return true
    },
  },
  {
    kind: 'every like deleted',
    weight: 1,
    targets: ['rows of likes'],
    run: async (scene) => {
      await insistently(() => runSql(scene, 'delete from likes'))
      return true
    },
  },
  {
    kind: 'transaction left open',
    weight: 2,
    targets: [],
    run: async (scene, random) => {
      const user = userIdAt(scene.population.active(random))
      const seconds = random.integer(2, 8)
      await insistently(() =>
        runSql(
          scene,
          `do $$ begin
             update users set location = 'held open' where user_id = ${user};
             perform pg_sleep(${seconds});
           end $$`,
        ),
      )
      return true
    },
  },
]
