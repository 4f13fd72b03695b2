import { z } from 'zod'
import { MillraceError } from './errors.ts'

/**
 * The environment, read once, checked and frozen. Every variable begins with `MILLRACE_`; each
 * default and each limit that somebody may want to set stands here.
 */
const schema = z.object({
  /** Bootstrap brokers, `host:port,host:port`. */
  kafka: z.string().default('127.0.0.1:9092').transform(list),
  /** Base of the registry's Confluent API. */
  registry: z.url().default('http://127.0.0.1:8081/apis/ccompat/v7'),
  /** Kafka Connect's REST interface. */
  connect: z.url().default('http://127.0.0.1:8083'),
  /** Name of the Debezium connector, also its topic prefix. */
  connector: z.string().default('millrace'),
  /** The publication that the connector reads. */
  publication: z.string().default('millrace'),
  /** The source database, by the role `millrace`, which may only read. */
  source: z.string().default('postgres://millrace@127.0.0.1:5432/millrace'),
  redis: z.string().default('redis://127.0.0.1:6379'),
  /** The Postgres store, where one is used. */
  postgres: z.string().default('postgres://millrace@127.0.0.1:5432/millrace_views'),
  /** Stores that workers keep, each with its own groups and checkpoints. */
  stores: z
    .string()
    .default('redis')
    .transform(list)
    .pipe(z.array(z.enum(['redis', 'postgres']))),
  /** The store that the read API answers from. */
  readFrom: z.enum(['redis', 'postgres']).default('redis'),
  apiHost: z.string().default('127.0.0.1'),
  apiPort: z.coerce.number().int().min(0).max(65_535).default(8080),
  logLevel: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']).default('info'),

  /** After this long without a heartbeat a group member's partitions go to others. */
  sessionTimeoutMs: z.coerce.number().int().min(1_000).default(6_000),
  /**
   * Records of one commit. A script holds up readers while it runs. A change touches at most two
   * entries, those that its row left and came to, and a commit takes at most 1,000.
   */
  batchRecordsMax: z.coerce.number().int().min(1).max(500).default(500),
  entriesPerPourMax: z.coerce.number().int().min(1).max(1_000).default(1_000),
  /** Parked records of a partition, beyond which it stops. */
  parkedPerPartitionMax: z.coerce.number().int().min(0).default(100),
  /** Changes of a partition since a barrier that it has passed; beyond it the view is rebuilt. */
  identitiesPerPartitionMax: z.coerce.number().int().min(1).default(500_000),
  /** How long an unknown schema id may be a registry that is behind. */
  unknownSchemaMs: z.coerce.number().int().min(0).default(60_000),
  /** Barriers while anything moves. */
  barrierIntervalMs: z.coerce.number().int().min(100).default(1_000),
  /** Barriers while nothing moves, so that readiness proves the whole chain. */
  barrierIdleMs: z.coerce.number().int().min(100).default(2_000),
  leaseMs: z.coerce.number().int().min(500).default(5_000),
  /** Bound of one call to a store, the registry, Connect or the source. */
  callTimeoutMs: z.coerce.number().int().min(100).default(5_000),
  /** Bound of a reader's wait for the store. */
  readTimeoutMs: z.coerce.number().int().min(1).default(1_000),
  /** A watermark older than this means that the chain stands still. */
  staleAfterMs: z.coerce.number().int().min(1_000).default(20_000),
  /** How often the API asks the store how the view stands. */
  statusIntervalMs: z.coerce.number().int().min(10).default(1_000),
  /** Reads that wait for the store at once; beyond them the API answers 503. */
  apiReadsMax: z.coerce.number().int().min(1).default(2_000),
  apiConnectionsMax: z.coerce.number().int().min(1).default(8_000),
  apiHeaderBytesMax: z.coerce.number().int().min(1_024).default(8_192),
  apiUrlCharsMax: z.coerce.number().int().min(64).default(2_048),
  /** A client that has not sent a request's headers by then is cut off. */
  apiHeadersTimeoutMs: z.coerce.number().int().min(100).default(5_000),
  /** Silence on a connection, while a request is under way or an answer is not taken. */
  apiSilenceTimeoutMs: z.coerce.number().int().min(100).default(15_000),
  /** How long an idle connection is kept for its next request. */
  apiKeepAliveMs: z.coerce.number().int().min(100).default(60_000),
  /** How long requests under way may take once the API was told to stop. */
  apiDrainMs: z.coerce.number().int().min(0).default(5_000),
})

export type Config = Readonly<z.infer<typeof schema>>

/** Reads `MILLRACE_*`; says every variable that is wrong, at once. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.keys(schema.shape).map((name) => [name, env[variable(name)] || undefined])
  const parsed = schema.safeParse(Object.fromEntries(given))
  if (parsed.success) return Object.freeze(parsed.data)
  const wrong = parsed.error.issues.map(
    (issue) => `${variable(String(issue.path[0]))}: ${issue.message}`,
  )
  throw new MillraceError('config', `the environment is not usable: ${wrong.join('; ')}`, {
    hint: 'Set these variables, or unset them for their defaults.',
  })
}

/** `apiPort` -> `MILLRACE_API_PORT`. */
function variable(name: string): string {
  return `MILLRACE_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
}

function list(text: string): string[] {
  return text.split(',').flatMap((part) => part.trim() || [])
}
