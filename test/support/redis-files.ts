/** What Redis has on its disk, as tests look at it and put it back. */
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Redis } from 'ioredis'
import type { Chain } from '../../src/dev/chain.ts'
import { until } from './wait.ts'

/**
 * A torn script leaves its MULTI in the file, and the start after the next would run what follows
 * once more. The worker has the file written anew; a crash before that is not what is tested here.
 */
export async function untilRewritten(redis: Redis): Promise<void> {
  await until('the append-only file is rewritten', async () => {
    const info = await redis.info('persistence')
    return /aof_last_rewrite_time_sec:\d/.test(info) && /aof_rewrite_in_progress:0/.test(info)
  })
}

/** Copies its files as they are; answers how to kill it and start it with these. */
export function copyOfRedis(chain: Chain): () => Promise<void> {
  const folder = appendOnlyFolder(chain)
  const copy = `${folder}.copy`
  rmSync(copy, { recursive: true, force: true })
  cpSync(folder, copy, { recursive: true })
  return async () => {
    await chain.kill('redis')
    rmSync(folder, { recursive: true })
    cpSync(copy, folder, { recursive: true })
    rmSync(copy, { recursive: true })
    await chain.start('redis')
  }
}

/** Of the files that hold what was written. */
export function appendOnlyFolder({ folders }: Chain): string {
  return join(folders.data, 'redis', 'appendonlydir')
}
