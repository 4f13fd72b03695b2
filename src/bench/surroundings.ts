import { cpus, loadavg, totalmem } from 'node:os'
import { Redis } from 'ioredis'
import { Client } from 'pg'
import type { Config } from '../config.ts'
import { describe } from '../errors.ts'

/** What figures mean nothing without: versions asked of the running servers, settings, machine. */
export async function surroundings(config: Config): Promise<string> {
  const [postgres, redis, connect] = await Promise.all([
    asked(() => postgresVersion(config.source)),
    asked(() => redisVersion(config.redis)),
    asked(() => connectVersions(config)),
  ])
  const processors = cpus()
  const gibibytes = (totalmem() / 2 ** 30).toFixed(0)
  const [load] = loadavg()
  const settings = [
    `batch ${config.batchRecordsMax} records`,
    `barrier ${config.barrierIntervalMs} ms`,
    `read from ${config.readFrom}`,
  ]
  return [
    `machine   ${processors.length} x ${processors[0]?.model ?? 'unknown'}, ${gibibytes} GiB, load ${load!.toFixed(1)}`,
    `versions  node ${process.versions.node}, postgres ${postgres}, redis ${redis}, ${connect}`,
    `settings  ${settings.join(', ')}`,
  ].join('\n')
}

async function asked(question: () => Promise<string>): Promise<string> {
  try {
    return await question()
  } catch (error) {
    return `unknown (${describe(error)})`
  }
}

async function postgresVersion(source: string): Promise<string> {
  const client = new Client({ connectionString: source, connectionTimeoutMillis: 3_000 })
  await client.connect()
  try {
    const answer = await client.query<{ version: string }>(
      `select split_part(current_setting('server_version'), ' ', 1) as version`,
    )
    return answer.rows[0]!.version
  } finally {
    await client.end()
  }
}

async function redisVersion(url: string): Promise<string> {
  const redis = new Redis(url, {
    maxRetriesPerRequest: 1,
    connectTimeout: 3_000,
    lazyConnect: true,
  })
  redis.on('error', () => undefined)
  try {
    const info = await redis.info('server')
    return /redis_version:(\S+)/.exec(info)?.[1] ?? 'unknown'
  } finally {
    redis.disconnect()
  }
}

type Plugin = { readonly class: string; readonly version: string }

async function connectVersions({ connect, connector }: Config): Promise<string> {
  const get = async (path: string): Promise<unknown> => {
    const answer = await fetch(`${connect}${path}`, { signal: AbortSignal.timeout(3_000) })
    return answer.json()
  }
  const { version } = (await get('/')) as { version: string }
  const plugins = (await get('/connector-plugins')) as readonly Plugin[]
  const debezium = plugins.find((plugin) => plugin.class.includes('debezium'))
  const own = (await get(`/connectors/${connector}/config`)) as Record<string, string>
  const [poll, exactly] = [own['poll.interval.ms'], own['exactly.once.support']]
  return (
    `kafka connect ${version}, debezium ${debezium?.version ?? 'unknown'} ` +
    `(poll.interval.ms ${poll ?? 'default'}, exactly.once.support ${exactly ?? 'default'})`
  )
}
