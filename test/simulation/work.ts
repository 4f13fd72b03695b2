/** Hostile work: what applications do to the tables, drawn ahead, so that steps can be left out. */
import type { Row } from '../../src/change.ts'
import type { Transaction } from './database.ts'
import { Random } from './random.ts'
import { nameOf, primaryKeyOf, rowOf } from './tables.ts'
import { activity, timedRow } from './activity.ts'
import { put, remove } from './statements.ts'
import type { World } from './world.ts'

/** One transaction. */
export type WorkStep = {
  readonly atMs: number
  readonly statements: number
  /** Between its statements, and before it ends, milliseconds. */
  readonly gapMs: number
  /** Whether its session is in the middle of a statement meanwhile. */
  readonly active: boolean
  /** False does not wait for the disk. */
  readonly durable: boolean
  readonly rollback: boolean
  readonly seed: number
}

export function drawWork(random: Random, untilMs: number): WorkStep[] {
  const steps: WorkStep[] = []
  const busyness = random.between(60, 600)
  let atMs = random.between(0, 500)
  while (atMs < untilMs) {
    const long = random.chance(0.04)
    steps.push({
      atMs,
      statements: 1 + random.below(random.chance(0.2) ? 10 : 3),
      gapMs: long ? random.between(1_000, 9_000) : random.chance(0.3) ? random.between(1, 300) : 0,
      active: random.chance(0.4),
      durable: random.chance(0.6),
      rollback: random.chance(0.1),
      seed: random.below(2 ** 32),
    })
    // Bursts, and pauses between them.
    atMs += random.chance(0.5) ? random.between(1, 30) : random.between(1, busyness * 2)
  }
  return steps
}

export async function work(world: World, step: WorkStep): Promise<void> {
  const { database, scheduler, services } = world
  if (services.source.down) return
  const random = new Random(step.seed)
  const transaction = database.begin()
  for (let count = 0; count < step.statements; count += 1) {
    if (transaction.over) return
    statement(world, transaction, random)
    transaction.active = step.active
    if (step.gapMs > 0) await scheduler.delay(random.between(0.5, 1) * step.gapMs)
  }
  if (transaction.over) return
  if (step.gapMs > 1_000 && transaction.xid !== undefined)
    world.count('a transaction was open for long')
  transaction.active = true
  if (step.rollback) database.rollback(transaction)
  else await world.commit(transaction, step)
}

/** One session that deletes every row of the table, as far as nobody else holds it. */
export async function deleteAll(world: World, table: string): Promise<void> {
  const { database } = world
  const transaction = database.begin()
  for (const { row } of database.tables.get(table)!.rows.values()) {
    remove(world, transaction, table, primaryKeyOf(table, row))
  }
  transaction.active = true
  await world.commit(transaction, { durable: true })
}

/** One session that writes to the table, and commits after a long time in which it does nothing. */
export async function linger(world: World, table: string, ms: number): Promise<void> {
  const { database, scheduler, random } = world
  const transaction = database.begin()
  for (let count = 0; count < 3; count += 1) {
    const row = anyRow(world, random.faults, table)
    if (isPut.has(table)) put(world, transaction, table, row)
    else remove(world, transaction, table, row)
  }
  await scheduler.delay(ms)
  if (transaction.over) return
  transaction.active = true
  await world.commit(transaction, { durable: true })
}

const isPut = new Set(['users', 'tweets', 'sales', 'visits'])

function anyRow(world: World, random: Random, table: string): Row {
  if (table === 'sales' || table === 'visits') return timedRow(world, random, table)
  if (table === 'users') return userRow(random, userId(random))
  return table === 'tweets' ? tweetRow(random) : rowOf(table, [userId(random), userId(random)])
}

/** The first of them is a celebrity. */
function userId(random: Random): bigint {
  return random.chance(0.35) ? 1n : BigInt(1 + random.below(6))
}

function statement(world: World, transaction: Transaction, random: Random): void {
  if (world.family !== 'users') return activity(world, transaction, random)
  switch (random.below(11)) {
    case 0:
    case 1:
      return put(world, transaction, 'users', userRow(random, userId(random)))
    case 2:
      return remove(world, transaction, 'users', { user_id: userId(random) })
    case 3:
      return rename(world, transaction, random)
    case 4:
    case 5:
      return put(world, transaction, 'tweets', tweetRow(random))
    case 6:
      return remove(world, transaction, 'tweets', { tweet_id: tweetId(random) })
    case 7:
      return pair(world, transaction, random, 'follows')
    case 8:
      return pair(world, transaction, random, 'likes')
    case 9:
      return again(world, transaction, random)
    default:
      return put(world, transaction, 'audit', rowOf('audit', [BigInt(random.below(9))]))
  }
}

function userRow(random: Random, id: bigint): Row {
  const name = random.chance(0.2) ? null : `name ${random.below(1_000)}`
  return rowOf('users', [id, name, random.chance(0.3) ? null : `place ${random.below(1_000)}`])
}

function tweetId(random: Random): bigint {
  return BigInt(1 + random.below(12))
}

function tweetRow(random: Random): Row {
  const mentioned = random.chance(0.4) ? null : userId(random)
  return rowOf('tweets', [tweetId(random), userId(random), mentioned])
}

/** A changed primary key: a delete and an insert of one transaction. */
function rename(world: World, transaction: Transaction, random: Random): void {
  const { database } = world
  const [from, to] = [userId(random), userId(random)]
  const row = database.rowIn(transaction, 'users', String(from))
  if (!row || database.rowIn(transaction, 'users', String(to))) return
  if (![from, to].every((id) => database.canWrite(transaction, 'users', String(id)))) return
  remove(world, transaction, 'users', { user_id: from })
  put(world, transaction, 'users', { ...row, user_id: to })
}

/** Follows or unfollows, likes or does not any more. */
function pair(world: World, transaction: Transaction, random: Random, table: string): void {
  const row = rowOf(table, [userId(random), userId(random)])
  const key = primaryKeyOf(table, row)
  if (random.chance(0.4)) remove(world, transaction, table, key)
  else if (!world.database.rowIn(transaction, table, nameOf(key))) {
    put(world, transaction, table, row)
  }
}

/** Deleted, and there again. */
function again(world: World, transaction: Transaction, random: Random): void {
  const key = { tweet_id: tweetId(random) }
  remove(world, transaction, 'tweets', key)
  const row = rowOf('tweets', [key.tweet_id, userId(random), null])
  if (!world.database.rowIn(transaction, 'tweets', nameOf(key))) {
    put(world, transaction, 'tweets', row)
  }
}
