import type { Redis } from 'ioredis'
import { Client } from 'pg'
import type { Chain } from '../../src/dev/chain.ts'
import type { Population } from '../../src/traffic/population.ts'
import type { Random } from '../../src/random.ts'
import type { TcpProxy } from '../support/tcp-proxy.ts'
import { sleep } from '../support/wait.ts'
import { lsnOf } from './checker.ts'
import type { Excuses } from './excuses.ts'
import type { Outages } from './outages.ts'
import type { Plants } from './plants.ts'

/** The wires that can be cut: workers reach everything through them, Connect reaches Kafka so. */
export type Wires = Readonly<
  Record<'source' | 'redis' | 'connect' | 'registry' | 'kafka', TcpProxy>
>

/** What faults are done to, and where they are written down. */
export type Scene = {
  readonly chain: Chain
  readonly wires: Wires
  readonly population: Population
  readonly excuses: Excuses
  readonly outages: Outages
  readonly plants: Plants
  readonly redis: Redis
  /** Starts a worker whose connections lead through the wires; it must not run. */
  readonly startWorker: (name: string) => void
  readonly isServing: () => boolean
  /** The view's watermark as readers see it. */
  readonly watermark: () => bigint
  /** Says what is done, for people who look for the cause of a violation. */
  readonly tell: (text: string) => void
}

/** Runs statements on the source as its administrator, each in a transaction of its own. */
export async function runSql(
  scene: Pick<Scene, 'chain'>,
  ...statements: readonly string[]
): Promise<readonly Readonly<Record<string, string>>[]> {
  const client = new Client({
    connectionString: sourceUrl(scene.chain),
    connectionTimeoutMillis: 5_000,
    lock_timeout: 10_000,
    statement_timeout: 60_000,
  })
  client.on('error', () => undefined)
  await client.connect()
  try {
    let rows: Readonly<Record<string, string>>[] = []
    for (const statement of statements) ({ rows } = await client.query(statement))
    return rows
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** Where the log of the source stands now. */
export async function logEnd(scene: Scene): Promise<bigint> {
  const [row] = await runSql(scene, 'select pg_current_wal_insert_lsn()::text as lsn')
  return lsnOf(row!['lsn']!)
}

/** Does something until the source, which may be away, has taken it. */
export async function insistently<T>(act: () => Promise<T>, tries = 60): Promise<T> {
  for (let left = tries; ; left -= 1) {
    try {
      return await act()
    } catch (error) {
      if (left <= 1) throw error
      await sleep(1_000)
    }
  }
}

export async function pause(random: Random, leastMs: number, mostMs: number): Promise<void> {
  await sleep(random.integer(leastMs, mostMs))
}

/** The source's database, by the administrator. */
export function sourceUrl({ env }: Chain): string {
  const url = new URL(env['MILLRACE_SOURCE_ADMIN'] ?? '')
  url.pathname = '/millrace'
  return url.href
}
