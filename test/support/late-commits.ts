/** Commits as Redis meets them: which worker sent them, and whether they changed anything. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
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

/**
 * Watches the commits that come over connections of these addresses. `url` is the administrator's;
 * ioredis 6 can't read what MONITOR says.
 */
export async function watchCommits(
  url: string,
  addresses: ReadonlySet<string>,
): Promise<CommitsSeen> {
  const { hostname, port, username, password } = new URL(url)
  const { sha1 } = readScript('commit')
  const socket = connect(Number(port), hostname)
  socket.on('error', () => undefined)
  let [sent, applied, open] = [0, 0, false]
  const lines = createInterface({ input: socket })
  lines.on('line', (line) => {
    const [, source, name] = /^\+[\d.]+ \[\d+ (\S+)\] "(\w+)"/.exec(line) ?? []
    if (source === undefined) return
    const command = name!.toLowerCase()
    // What a script writes follows it at once, as commands of `lua`.
    if (source !== 'lua') {
      open = addresses.has(source) && command === 'evalsha' && line.includes(`"${sha1}"`)
      if (open) sent += 1
    } else if (open && command === 'hset') {
      applied += 1
      open = false
    }
  })
  await once(socket, 'connect')
  socket.write(`AUTH ${username} ${password}\r\nMONITOR\r\n`)
  return { sent: () => sent, applied: () => applied, stop: () => socket.destroy() }
}
