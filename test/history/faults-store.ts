import { userIdAt } from '../../src/traffic/population.ts'
import type { Random } from '../../src/random.ts'
import { countNames, redisCountNames } from './components.ts'
import type { Effect, Fault } from './faults.ts'
import type { Plant } from './plants.ts'
import { isOfConnection, stateKey, viewName } from './readers.ts'
import type { Scene } from './scene.ts'

/** Nobody's ids, for entries that SQL does not have. */
const phantomBase = 7_700_000_000_000_000n

/** Everything that somebody with a Redis client can do to the view. */
export const storeFaults: readonly Fault[] = [
  planted('amount', 8, async (scene, random) => {
    const user = freeUser(scene, random)
    const count = random.pick(countNames)
    const size = BigInt(random.integer(1_000_000, 9_000_000))
    const amount = random.chance(0.8) ? size : -size
    return {
      user,
      error: { kind: 'amount', count, amount },
      write: () => plantIfThere(scene, user, ['HINCRBY', redisCountNames[count], String(amount)]),
    }
  }),
  planted('text', 5, async (scene, random) => {
    const user = freeUser(scene, random)
    const text = `planted ${random.text(12)}`
    return {
      user,
      error: { kind: 'text', text },
      write: () => plantIfThere(scene, user, ['HSET', 'name', text]),
    }
  }),
  planted('hash deleted', 3, async (scene, random) => {
    const user = freeUser(scene, random)
    return { user, error: { kind: 'gone' }, write: () => plantIfThere(scene, user, ['DEL']) }
  }),
  planted('phantom', 3, async (scene, random) => {
    const user = String(phantomBase + random.bigId() / 2_000_000n)
    const write = async () => {
      const counts = countNames.flatMap((name) => [redisCountNames[name], '3'])
      await scene.redis.hset(keyOf(user), 'user-id', user, 'username', 'phantom', ...counts)
      return true
    }
    return { user, error: { kind: 'phantom' }, write }
  }),
  {
    kind: 'scripts flushed',
    weight: 2,
    targets: [],
    run: async ({ redis }) => {
      return redis.script('FLUSH').then(
        () => true,
        () => false,
      )
    },
  },
  {
    kind: 'store flushed',
    weight: 0.6,
    targets: ['redis', 'worker-a', 'wire redis'],
    run: flushed,
  },
]

type Planting = Pick<Plant, 'user' | 'error'> & {
  /** False when there was nothing to spoil. */
  readonly write: () => Promise<boolean>
}

function planted(
  what: string,
  weight: number,
  plan: (scene: Scene, random: Random) => Promise<Planting>,
): Fault {
  return {
    kind: `planted ${what}`,
    weight,
    targets: ['set-up of the source', 'redis'],
    run: async (scene, random) => {
      // What the log does not tell would be found and counted as well.
      if (scene.excuses.open || !scene.isServing()) return 'put off'
      const { user, error, write } = await plan(scene, random)
      scene.tell(`planted ${what} of ${user}`)
      const plant = scene.plants.add({ user, error, beganMs: Date.now() })
      const undo = (lostBy: string) => {
        plant.lostBy = lostBy
        plant.endedMs = Date.now()
        return false
      }
      try {
        return (await write()) ? true : undo('there was no entry')
      } catch (cause) {
        // Whether it was written can't be told; it goes on as one that was.
        if (isOfConnection(cause)) return true
        throw cause
      }
    },
  }
}

const ifThere = `
  if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
  local command = table.remove(ARGV, 1)
  redis.call(command, KEYS[1], unpack(ARGV))
  return 1`

/** On an entry that is there: elsewhere it would be another kind of error. */
async function plantIfThere(
  { redis }: Scene,
  user: string,
  command: readonly string[],
): Promise<boolean> {
  return (await redis.eval(ifThere, 1, keyOf(user), ...command)) === 1
}

/** The state and everything else goes at once; the view is built anew. */
async function flushed(scene: Scene): Promise<Effect> {
  if (scene.excuses.open || !scene.isServing()) return 'put off'
  const beganMs = Date.now()
  scene.outages.begin('view', beganMs)
  await scene.redis.flushall()
  for (const plant of scene.plants.open) {
    plant.lostBy = 'a flush of the store'
    plant.endedMs = Date.now()
  }
  return (await scene.redis.exists(stateKey)) === 0
}

function freeUser({ population, plants }: Scene, random: Random): string {
  for (;;) {
    const user = String(userIdAt(random.integer(0, population.users - 1)))
    if (!plants.isPlanted(user)) return user
  }
}

function keyOf(user: string): string {
  return `${viewName}:${user}`
}
