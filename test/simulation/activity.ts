/** Rows of the tables that have a time, and what applications do to them. */
import type { Row, Value } from '../../src/change.ts'
import type { Transaction } from './database.ts'
import { momentText } from './keys.ts'
import { beginningMs } from './process.ts'
import type { Random } from './random.ts'
import { nameOf, rowOf } from './tables.ts'
import { keepSeconds } from './views-activity.ts'
import { put, remove } from './statements.ts'
import type { World } from './world.ts'

const hourMs = 3_600_000
/** Far above whatever bound there is, unless the clock leaps. */
const farMs = [600_000, 2 * hourMs, 120 * hourMs]

/** Mostly about where the bound is by the source's clock, or far above it. */
function someMoment({ sourceWallMs }: World, random: Random): Value {
  const half = (ms: number) => momentText(Math.floor(ms / 500) * 500)
  if (random.chance(0.55)) {
    return half(sourceWallMs() - keepSeconds * 1_000 + random.between(-12_000, 25_000))
  }
  if (random.chance(0.75)) return half(beginningMs + random.pick(farMs) + random.between(0, 8_000))
  return random.pick([null, 'infinity', '-infinity', '1969-12-31T23:59:58.500000Z'])
}

function someId(random: Random): bigint {
  return BigInt(1 + random.below(12))
}

/** Few, so that rows meet in entries. */
function someUser({ family }: World, random: Random): bigint {
  return BigInt(1 + random.below(family === 'windows' ? 3 : 5))
}

/** A visit or a sale. */
export function timedRow(world: World, random: Random, table: string, id = someId(random)): Row {
  const value = random.chance(0.25)
    ? null
    : random.pick(table === 'sales' ? [-2n, -1n, 1n, 2n, 5n] : [1n, 2n, 3n, 4n])
  const user = random.chance(0.05) ? null : someUser(world, random)
  return rowOf(table, [id, user, someMoment(world, random), value])
}

export function activity(world: World, transaction: Transaction, random: Random): void {
  const table = random.pick(['sales', 'visits'])
  const id = someId(random)
  const key = { [table === 'sales' ? 'sale_id' : 'visit_id']: id }
  switch (random.below(8)) {
    case 0:
      return remove(world, transaction, table, key)
    case 1: {
      // Deleted, and there again.
      remove(world, transaction, table, key)
      if (world.database.rowIn(transaction, table, nameOf(key))) return
      return put(world, transaction, table, timedRow(world, random, table, id))
    }
    case 2: {
      // What was bought is given back, by the same user at the same time.
      const bought = world.database.rowIn(transaction, 'sales', String(id))
      const pieces = bought?.pieces ?? null
      if (!bought || pieces === null) return
      const back = { ...bought, sale_id: someId(random), pieces: -BigInt(pieces) }
      return put(world, transaction, 'sales', back)
    }
    case 3: {
      const [follower, followee] = [someUser(world, random), someUser(world, random)]
      const row = rowOf('follows', [follower, followee])
      if (random.chance(0.4)) return remove(world, transaction, 'follows', row)
      if (world.database.rowIn(transaction, 'follows', nameOf(row))) return
      return put(world, transaction, 'follows', row)
    }
    default:
      return put(world, transaction, table, timedRow(world, random, table, id))
  }
}
