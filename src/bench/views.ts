import { execFile } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import { Client } from 'pg'
import { systemClock } from '../clock.ts'
import { readConfig } from '../config.ts'
import type { Chain } from '../dev/chain.ts'
import { randomPorts } from '../dev/ports.ts'
import { startChain } from '../dev/start-chain.ts'
import { startRole } from '../dev/start-role.ts'
import { MillraceError } from '../errors.ts'
import { pacedWrites, tablesSql } from './many-tables.ts'
import { manyViews, tableAt } from './many-views.ts'
import { emptiedFolder, workerName, type Attending } from './filled-chain.ts'
import { Durations } from './percentiles.ts'
import { processSeconds, residentMib } from './process-time.ts'
import { verified } from './verified.ts'

export type ViewsOptions = Attending & {
  /** Rows changed per second, over all tables. */
  readonly rate: number
  readonly forMs: number
  /** Called with each line of the table as it is measured. */
  readonly show: (line: ViewsResult) => void
}

export type ViewsResult = {
  readonly views: number
  /** Rows that were changed per second. */
  readonly changed: number
  /** Share of one processor. */
  readonly workerShare: number
  readonly redisShare: number
  readonly kafkaShare: number
  readonly workerMib: number
  /** Bytes a second that the worker has read from Kafka; undefined where `ss` can't be asked. */
  readonly kafkaBytes: number | undefined
  /** From a commit until the entry shows it in Redis. */
  readonly visible: Durations
  /** What `millrace verify` said last. */
  readonly verified: string
}

const counts = [1, 5, 20] as const
const settleMs = 5_000
const servesWithinMs = 120_000
const askEveryMs = 100
const betweenProbesMs = 45
const betweenPollsMs = 2
const shownTimeoutMs = 15_000

/** Measures what a view more costs a worker, of views over the same eight tables. */
export async function measureViews(options: ViewsOptions): Promise<void> {
  const { say, signal, tell } = options
  const folder = emptiedFolder()
  mkdirSync(folder, { recursive: true })
  const init = join(folder, 'tables.sql')
  writeFileSync(init, tablesSql())
  const config = configOf(folder, Math.max(...counts))
  const ports = await randomPorts()
  const chain = await startChain({ folder, ports, say, signal, init: [init], config })
  try {
    await tell(readConfig(chain.env))
    for (const count of counts) {
      if (signal.aborted) return
      say(`${count} views`)
      options.show(await measured(chain, count, options))
    }
  } finally {
    await chain.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function measured(
  chain: Chain,
  views: number,
  { rate, forMs, signal }: ViewsOptions,
): Promise<ViewsResult> {
  const redis = new Redis(chain.urls.redis)
  const end = new AbortController()
  const over = AbortSignal.any([signal, end.signal])
  const source = chain.env.MILLRACE_SOURCE_APP!
  try {
    await redis.flushall()
    const config = configOf(chain.folders.chain, views)
    startRole(chain, { name: workerName, args: ['worker', '--config', config] })
    await untilServing(redis, views, signal)
    const writing = pacedWrites({ source, rate, signal: over })
    writing.catch(() => end.abort())
    await systemClock.sleep(settleMs, over)
    const found = await shares(chain, () =>
      measureShown({ redis, source, views, forMs, signal: over }),
    )
    end.abort()
    const writtenMs = settleMs + found.seconds * 1_000
    const changed = (await writing) / (writtenMs / 1_000)
    const { said } = await verified(chain, signal, ['--config', config])
    return { views, changed, ...found, visible: found.result, verified: said }
  } finally {
    end.abort()
    redis.disconnect()
    await chain.processes.stop(workerName)
    chain.forget(workerName)
  }
}

/** Writes a configuration file of so many views, and answers its path. */
function configOf(folder: string, views: number): string {
  const module = new URL(`many-views${extname(import.meta.filename)}`, import.meta.url)
  const path = join(folder, `views-${views}.mjs`)
  writeFileSync(
    path,
    `import { manyViews } from ${JSON.stringify(module.href)}\n` +
      `export default { views: manyViews(${views}) }\n`,
  )
  return path
}

async function untilServing(redis: Redis, views: number, signal: AbortSignal): Promise<void> {
  const lastMs = systemClock.monotonicMs() + servesWithinMs
  const names = manyViews(views).map(({ name }) => name)
  while (systemClock.monotonicMs() < lastMs && !signal.aborted) {
    const states = await Promise.all(names.map((name) => redis.hgetall(`millrace:${name}`)))
    const isServed = (state: Readonly<Record<string, string>>) =>
      Object.entries(state).some(([field, value]) => field.startsWith('complete:') && value === '1')
    if (states.every((state) => isServed(state) && state.watermark !== undefined)) return
    await systemClock.sleep(askEveryMs, signal)
  }
  throw new MillraceError('bench', 'the views were not built in time', {
    hint: "See the worker's log.",
  })
}

/** What the processes of the chain use while `work` goes on. */
async function shares<Result>(chain: Chain, work: () => Promise<Result>) {
  const pids = new Map(chain.processes.list().map(({ name, pid }) => [name, pid]))
  const pid = pids.get(workerName)!
  const port = Number(chain.urls.kafka.split(':').at(-1))
  const names = [workerName, 'redis', 'kafka'] as const
  const used = async () => ({
    atMs: systemClock.monotonicMs(),
    seconds: names.map((name) => processSeconds(pids.get(name)!)),
    bytes: await bytesReceived(pid, port),
  })
  const before = await used()
  const result = await work()
  const after = await used()
  const seconds = (after.atMs - before.atMs) / 1_000
  const [workerShare, redisShare, kafkaShare] = names.map(
    (_, at) => (after.seconds[at]! - before.seconds[at]!) / seconds,
  ) as [number, number, number]
  const kafkaBytes =
    before.bytes === undefined || after.bytes === undefined
      ? undefined
      : (after.bytes - before.bytes) / seconds
  return {
    result,
    seconds,
    workerShare,
    redisShare,
    kafkaShare,
    kafkaBytes,
    workerMib: residentMib(pid),
  }
}

/** Of all connections that the process has to this port now. */
async function bytesReceived(pid: number, port: number): Promise<number | undefined> {
  try {
    const { stdout } = await promisify(execFile)('ss', ['-tinpH', `dport = :${port}`])
    const connections = stdout
      .split('\n')
      .join(' ')
      .split(/ESTAB|CLOSE-WAIT/)
      .slice(1)
    return connections
      .filter((text) => text.includes(`pid=${pid},`))
      .reduce((sum, text) => sum + Number(/bytes_received:(\d+)/.exec(text)?.[1] ?? 0), 0)
  } catch {
    return undefined
  }
}

type ShownOptions = {
  readonly redis: Redis
  readonly source: string
  readonly views: number
  readonly forMs: number
  readonly signal: AbortSignal
}

/** Commits one change after another, of the views in turn, and polls Redis until each shows. */
async function measureShown(options: ShownOptions): Promise<Durations> {
  const { redis, source, views, forMs, signal } = options
  const client = new Client({ connectionString: source })
  await client.connect()
  const visible = new Durations()
  try {
    const beganMs = systemClock.monotonicMs()
    for (let turn = 0; systemClock.monotonicMs() - beganMs < forMs && !signal.aborted; turn += 1) {
      const view = turn % views
      const label = `probe ${turn}`
      await client.query(`update ${tableAt(view)} set label = $1 where id = 1`, [label])
      const committedMs = systemClock.monotonicMs()
      const entry = `bench-${view + 1}:1`
      while ((await redis.hget(entry, 'label')) !== label) {
        if (systemClock.monotonicMs() - committedMs > shownTimeoutMs) {
          throw new MillraceError('bench', `a change did not show within ${shownTimeoutMs} ms`)
        }
        await systemClock.sleep(betweenPollsMs)
      }
      visible.add(systemClock.monotonicMs() - committedMs)
      await systemClock.sleep(betweenProbesMs * (0.5 + Math.random()), signal)
    }
    return visible
  } finally {
    await client.end()
  }
}
