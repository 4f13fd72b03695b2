import { z } from 'zod'
import { nameFaults, urlFault, variableOf, type Environment } from './environment.ts'
import { MillraceError } from './errors.ts'

/**
 * The environment, read once, checked and frozen. Every variable begins with `MILLRACE_`; each
 * default and each limit that somebody may want to set stands here.
 */
const schema = z.object({
  /** Bootstrap brokers, `host:port,host:port`. */
  kafka: z.string().default('127.0.0.1:9092').transform(list).refine(areBrokers, {
    error: 'must be a list of host:port,host:port',
  }),
  /** Base of the registry's Confluent API. */
  registry: url('http', 'https').default('http://127.0.0.1:8081/apis/ccompat/v7'),
  /** Kafka Connect's REST interface. */
  connect: url('http', 'https').default('http://127.0.0.1:8083'),
  /** Name of the Debezium connector, also its topic prefix. */
  connector: name(/^[A-Za-z0-9._-]+$/, 'letters, digits, . _ and -').default('millrace'),
  /** The publication that the connector reads, and its replication slot. */
  publication: z.string().default('millrace'),
  slot: name(/^[a-z0-9_]{1,63}$/, 'small letters, digits and _').default('millrace'),
  /** The source database, by the role `millrace`, which may only read. */
  source: url('postgres', 'postgresql').default('postgres://millrace@127.0.0.1:5432/millrace'),
  redis: url('redis', 'rediss').default('redis://127.0.0.1:6379'),
  /** The Postgres store, where one is used. */
  postgres: url('postgres', 'postgresql').default(
    'postgres://millrace_views@127.0.0.1:5432/millrace_views',
  ),
  /** Stores that workers keep, each with its own groups and checkpoints. */
  stores: z
    .string()
    .default('redis')
    .transform(list)
    .refine((names) => names.length > 0 && names.every(isStore), {
      error: 'must be redis, postgres or redis,postgres',
    })
    .transform((names) => [...new Set(names.filter(isStore))]),
  /** The store that the read API answers from. */
  readFrom: oneOf(['redis', 'postgres']).default('redis'),
  /** A module that exports `views`; those that are shipped where it is left out. */
  views: z.string().optional(),
  apiHost: z.string().default('127.0.0.1'),
  apiPort: whole(0, 65_535).default(8080),
  /** `on` serves every view under `/views/:view/:key`, for operators. */
  apiOperators: oneOf(['off', 'on'])
    .default('off')
    .transform((value) => value === 'on'),
  logLevel: oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal']).default('info'),

  /** After this long without a heartbeat a group member's partitions go to others. */
  sessionTimeoutMs: whole(1_000).default(6_000),
  /** Records of one commit. A script holds up readers while it runs. */
  batchRecordsMax: whole(1, 500).default(500),
  /** Changes of a partition since a barrier that it has passed; beyond it the view is compared. */
  identitiesPerPartitionMax: whole(1).default(500_000),
  /** How long an unknown schema id may be a registry that is behind. */
  unknownSchemaMs: whole(0).default(60_000),
  /** Barriers, and looks at the set-up, while anything moves. */
  barrierIntervalMs: whole(100).default(1_000),
  /** Barriers while nothing moves. */
  barrierIdleMs: whole(100).default(2_000),
  /** Source rows a second that looks read at most, while nothing is in doubt. */
  lookRowsPerSecond: whole(1).default(20_000),
  /** Percent of its time that a worker, or the source for it, spends on such looks at most. */
  lookSharePercent: z.coerce
    .number({ error: 'must be a number from 0.1 to 100' })
    .refine((value) => value >= 0.1 && value <= 100, { error: 'must be a number from 0.1 to 100' })
    .default(5),
  /** Milliseconds a day in which doubts are ended at full pace. */
  fullPaceDailyMs: whole(0).default(4 * 3_600_000),
  leaseMs: whole(500).default(5_000),
  /** Bound of one call to a store, the registry, Connect or the source. */
  callTimeoutMs: whole(100).default(5_000),
  /** Bound of a reader's wait for the store. */
  readTimeoutMs: whole(1).default(1_000),
  /** The promise that `/fresh` holds the view to. */
  freshWithinMs: whole(100).default(10_000),
  /** Whether readers get what is there, flagged, or 503 while entries are in doubt. */
  onDoubt: oneOf(['serve', 'refuse']).default('serve'),
  /** How often the API asks the store how the view stands. */
  statusIntervalMs: whole(10).default(1_000),
  /** Reads that wait for the store at once; beyond them the API answers 503. */
  apiReadsMax: whole(1).default(2_000),
  apiConnectionsMax: whole(1).default(8_000),
  apiHeaderBytesMax: whole(1_024).default(8_192),
  apiUrlCharsMax: whole(64).default(2_048),
  /** A client that has not sent a request's headers by then is cut off. */
  apiHeadersTimeoutMs: whole(100).default(5_000),
  /** Silence on a connection, while a request is under way or an answer is not taken. */
  apiSilenceTimeoutMs: whole(100).default(15_000),
  /** How long an idle connection is kept for its next request. */
  apiKeepAliveMs: whole(100).default(60_000),
  /** How long requests under way may take once the API was told to stop. */
  apiDrainMs: whole(0).default(5_000),
})

export type Config = Readonly<z.infer<typeof schema>>
type Setting = keyof Config

const settings = Object.keys(schema.shape) as readonly Setting[]
const ofLogAndSource = [
  'kafka',
  'registry',
  'connect',
  'connector',
  'publication',
  'slot',
  'source',
] as const satisfies readonly Setting[]
const ofApi = settings.filter((setting) => setting.startsWith('api'))

/** Settings that a role has no use for. It neither reads them nor is it given them. */
const unread = {
  worker: ofApi,
  api: ofLogAndSource,
  verify: ofApi,
  explain: ofApi,
  apply: ofApi,
  parked: [...ofLogAndSource, ...ofApi],
  bench: [],
} as const satisfies Readonly<Record<string, readonly Setting[]>>

/** Roles that read the configuration. */
export type ConfiguredRole = keyof typeof unread

/** The variables that a role reads. */
export function variablesOf(role: ConfiguredRole): readonly string[] {
  return settingsOf(role).map(variableOf)
}

/** The variable of every setting. */
export const settingVariables: readonly string[] = settings.map(variableOf)

/**
 * Reads `MILLRACE_*` and says everything that is wrong at once, never with a value: it may hold a
 * password. With a role, only what that role needs is read, and to ask for more is a bug.
 */
export function readConfig(env: Environment, role?: ConfiguredRole): Config {
  const read = role === undefined ? settings : settingsOf(role)
  const given = read.map((setting) => [setting, env[variableOf(setting)] || undefined])
  const parsed = schema.safeParse(Object.fromEntries(given))
  const values = parsed.error?.issues.map(
    ({ path, message }) => `${variableOf(String(path[0]))} ${message}`,
  )
  refuse([...nameFaults(env, settingVariables), ...(values ?? [])])
  const config = { ...parsed.data! }
  for (const setting of settings.filter((each) => !read.includes(each))) {
    Object.defineProperty(config, setting, {
      enumerable: false,
      get: () => {
        throw new Error(`the role ${role} does not read ${variableOf(setting)}`)
      },
    })
  }
  return Object.freeze(config)
}

/** Refuses variables whose names are unknown, for what does not read the configuration. */
export function refuseUnknownVariables(env: Environment): void {
  refuse(nameFaults(env, settingVariables))
}

function settingsOf(role: ConfiguredRole): readonly Setting[] {
  const left: readonly Setting[] = unread[role]
  return settings.filter((setting) => !left.includes(setting))
}

function refuse(faults: readonly string[]): void {
  if (faults.length === 0) return
  throw new MillraceError('config', `the environment is not usable:\n  ${faults.join('\n  ')}`, {
    hint: 'Set these variables right, or unset them for their defaults.',
  })
}

function url(...schemes: readonly string[]) {
  return z.string().superRefine((text, context) => {
    const message = urlFault(text, schemes)
    if (message !== undefined) context.addIssue({ code: 'custom', message })
  })
}

/** A timer of Node's takes no more than 2^31 - 1 milliseconds. */
function whole(least: number, most = 2 ** 31 - 1) {
  return z
    .string()
    .refine((text) => /^\d{1,10}$/.test(text) && Number(text) >= least && Number(text) <= most, {
      error: `must be a whole number from ${least} to ${most}`,
    })
    .transform(Number)
}

function oneOf<const Names extends readonly [string, ...string[]]>(names: Names) {
  return z.enum(names, { error: `must be one of ${names.join(', ')}` })
}

function name(form: RegExp, words: string) {
  return z.string().regex(form, { error: `must be made of ${words}` })
}

function list(text: string): string[] {
  return text.split(',').flatMap((part) => part.trim() || [])
}

function areBrokers(brokers: readonly string[]): boolean {
  return (
    brokers.length > 0 &&
    brokers.every((broker) => {
      const port = Number(/^(?:[^\s/:@]+|\[[0-9a-f:]+\]):(\d{1,5})$/i.exec(broker)?.[1] ?? 0)
      return port >= 1 && port <= 65_535
    })
  )
}

function isStore(text: string): text is 'redis' | 'postgres' {
  return text === 'redis' || text === 'postgres'
}
