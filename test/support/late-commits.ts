/** Commits as Redis meets them: which worker sent them, and whether they changed anything. */
import type { Redis } from 'ioredis'
import { readScript } from '../../src/store/redis/scripts.ts'

export type CommitsSeen = {
  /** Commits of the watched connections so far, and how many of them wrote. */
  readonly sent: () => number
  readonly applied: () => number
  stop(): void
}

/** Addresses of all connections of workers, as Redis knows them. */
export async function workerAddresses(redis: Redis): Promise<ReadonlySet<string>> {
  const clients = String(await redis.client('LIST')).split('\n')
  const ours = clients.filter((line) => line.includes(' user=millrace-worker '))
  return new Set(ours.flatMap((line) => / addr=(\S+)/.exec(line)?.[1] ?? []))
}

/** Watches the commits that come over connections of these addresses. */
export async function watchCommits(
  redis: Redis,
  addresses: ReadonlySet<string>,
): Promise<CommitsSeen> {
  const { sha1 } = readScript('commit')
  const monitor = await redis.monitor()
  let [sent, applied, open] = [0, 0, false]
  // What a script writes follows it at once, as commands of `lua`.
  monitor.on('monitor', (_time: string, args: string[], source: string) => {
    const [name = '', second = ''] = args
    if (source !== 'lua') {
      open = addresses.has(source) && name.toLowerCase() === 'evalsha' && second === sha1
      if (open) sent += 1
      return
    }
    if (!open || name.toLowerCase() !== 'hset') return
    applied += 1
    open = false
  })
  return { sent: () => sent, applied: () => applied, stop: () => monitor.disconnect() }
}
