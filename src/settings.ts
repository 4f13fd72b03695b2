/** Every setting: what it may be, its default, what it does and which roles read it. */
import {
  brokersForm,
  nameForm,
  oneOfForm,
  optionalForm,
  percentForm,
  someOfForm,
  switchForm,
  textForm,
  urlForm,
  wholeForm,
  type Form,
} from './setting-forms.ts'

/** Roles that read the configuration. */
export const configuredRoles = [
  'worker',
  'api',
  'verify',
  'explain',
  'plan',
  'apply',
  'doctor',
  'parked',
  'status',
  'bench',
] as const
export type ConfiguredRole = (typeof configuredRoles)[number]

export type SettingOf<Out, In> = {
  readonly form: Form<Out, In>
  /** As the file would have it. */
  readonly fallback: In
  /** What the default is, where that is not one value. */
  readonly fallbackWords?: string
  readonly does: string
  readonly readers: readonly ConfiguredRole[]
}

const storeNames = ['redis', 'postgres'] as const
export type StoreName = (typeof storeNames)[number]

const ofServers = readBy('worker', 'verify', 'explain', 'plan', 'apply', 'doctor', 'bench')
const ofSetup = readBy('plan', 'apply', 'doctor')
const ofAll = readBy(...configuredRoles)
const ofWorkers = readBy('worker', 'bench')
const ofReaders = readBy('worker', 'verify', 'explain', 'bench')
const ofApi = readBy('api', 'bench')

const servers = {
  kafka: ofServers(brokersForm(), '127.0.0.1:9092', 'Bootstrap brokers, Kafka 3.1 or newer'),
  registry: ofServers(
    urlForm('http', 'https'),
    'http://127.0.0.1:8081/apis/ccompat/v7',
    "Base of the schema registry's Confluent API",
  ),
  connect: ofServers(
    urlForm('http', 'https'),
    'http://127.0.0.1:8083',
    "Kafka Connect's REST interface",
  ),
  connector: ofServers(
    nameForm(/^[A-Za-z0-9._-]+$/, 'letters, digits, . _ and -'),
    'millrace',
    'Name of the Debezium connector, also its topic prefix',
  ),
  publication: ofServers(
    // The connector names it to Postgres without quotes.
    nameForm(/^[a-z_][a-z0-9_]{0,62}$/, 'small letters, digits and _'),
    'millrace',
    'The publication that the connector reads',
  ),
  slot: ofServers(
    nameForm(/^[a-z0-9_]{1,63}$/, 'small letters, digits and _'),
    'millrace',
    'The replication slot that the connector reads',
  ),
  source: ofServers(
    urlForm('postgres', 'postgresql'),
    'postgres://millrace@127.0.0.1:5432/millrace',
    'The source database, its primary, by a role that may only read',
  ),
  sourceOwner: {
    ...ofSetup(
      optionalForm(urlForm('postgres', 'postgresql')),
      undefined,
      'The same database, by a role that may prepare it: the owner of the tables or a superuser',
    ),
    fallbackWords: 'the same as `source`',
  },
  capture: {
    ...ofSetup(
      optionalForm(urlForm('postgres', 'postgresql')),
      undefined,
      'The source as Kafka Connect reaches it, by a role that may replicate; for making the connector',
    ),
    fallbackWords: 'none',
  },
  topicPartitions: ofSetup(
    wholeForm(1, 1_000),
    4,
    'Partitions of the topics that `apply` creates; as many workers can share a table',
  ),
}

const stores = {
  redis: ofAll(urlForm('redis', 'rediss'), 'redis://127.0.0.1:6379', 'The Redis store'),
  postgres: ofAll(
    urlForm('postgres', 'postgresql'),
    'postgres://millrace_views@127.0.0.1:5432/millrace_views',
    'The Postgres store',
  ),
  stores: ofAll(
    someOfForm(storeNames),
    ['redis'],
    'Stores that workers keep, each with its own groups and checkpoints',
  ),
  readFrom: {
    ...ofAll(oneOfForm(storeNames), 'redis', 'The store that the API and the commands answer from'),
    fallbackWords: 'the first of those kept',
  },
  callTimeoutMs: ofAll(
    wholeForm(100),
    5_000,
    'Bound of one call to a store, the registry, Connect or the source',
  ),
  logLevel: ofAll(
    oneOfForm(['trace', 'debug', 'info', 'warn', 'error', 'fatal']),
    'info',
    'What is logged at least; logs are JSON lines',
  ),
}

const keeping = {
  sessionTimeoutMs: ofReaders(
    wholeForm(1_000),
    6_000,
    "After this long without a heartbeat a group member's partitions go to others",
  ),
  batchRecordsMax: ofReaders(
    wholeForm(1, 500),
    500,
    'Records of one commit; readers of Redis wait while one is applied',
  ),
  unknownSchemaMs: ofReaders(
    wholeForm(0),
    60_000,
    'How long an unknown schema id may be a registry that is behind',
  ),
  identitiesPerPartitionMax: ofWorkers(
    wholeForm(1),
    500_000,
    'Changes of a partition that may come again; beyond it the view is compared',
  ),
  barrierIntervalMs: ofReaders(
    wholeForm(100),
    1_000,
    'Time between barriers, and between looks at the set-up, while anything moves',
  ),
  barrierIdleMs: ofWorkers(wholeForm(100), 2_000, 'Time between barriers while nothing moves'),
  lookRowsPerSecond: ofWorkers(
    wholeForm(1),
    20_000,
    'Source rows a second that looks read at most, while nothing is in doubt',
  ),
  lookSharePercent: ofWorkers(
    percentForm(),
    5,
    'Percent of its time that a worker, or the source for it, spends on such looks at most',
  ),
  fullPaceDailyMs: ofWorkers(
    wholeForm(0),
    4 * 3_600_000,
    "A day's time for comparing at full pace, to end doubts",
  ),
  leaseMs: ofWorkers(
    wholeForm(500),
    5_000,
    'After this long of silence another worker coordinates',
  ),
}

const reading = {
  readTimeoutMs: ofApi(wholeForm(1), 1_000, "Bound of a reader's wait for the store"),
  respondTimeoutMs: ofApi(
    wholeForm(1),
    1_000,
    'Bound of what a `respond` takes, with all that it reads; beyond it the API answers 503',
  ),
  freshWithinMs: readBy('api', 'doctor', 'bench')(
    wholeForm(100),
    10_000,
    'The promise that `/fresh` holds the views to',
  ),
  onDoubt: ofApi(
    oneOfForm(['serve', 'refuse']),
    'serve',
    'Whether readers get what is there, flagged, or 503 while entries are in doubt',
  ),
  statusIntervalMs: ofApi(
    wholeForm(10),
    1_000,
    'How often the API asks the store how the views stand',
  ),
  apiHost: ofApi(textForm(), '127.0.0.1', 'The address that the API listens on'),
  apiPort: ofApi(wholeForm(0, 65_535), 8080, 'Its port'),
  apiOperators: ofApi(
    switchForm(),
    false,
    'Whether every view is served under `/views/:view/:key`, also those without `serve`',
  ),
  apiReadsMax: ofApi(
    wholeForm(1),
    2_000,
    'Reads that wait for the store at once; beyond them the API answers 503',
  ),
  apiConnectionsMax: ofApi(wholeForm(1), 8_000, 'Connections to the API at once'),
  apiHeaderBytesMax: ofApi(wholeForm(1_024), 8_192, "Bytes of a request's headers"),
  apiUrlCharsMax: ofApi(wholeForm(64), 2_048, "Characters of a request's URL"),
  apiHeadersTimeoutMs: ofApi(
    wholeForm(100),
    5_000,
    "A client that has not sent a request's headers by then is cut off",
  ),
  apiSilenceTimeoutMs: ofApi(
    wholeForm(100),
    15_000,
    'Silence on a connection, while a request is under way or an answer is not taken',
  ),
  apiKeepAliveMs: ofApi(
    wholeForm(100),
    60_000,
    'How long an idle connection is kept for its next request',
  ),
  apiDrainMs: ofApi(
    wholeForm(0),
    5_000,
    'How long requests under way may take once the API was told to stop',
  ),
}

/** In the order of the reference, by headings. */
export const settingGroups = {
  'Source, Connect and Kafka': servers,
  Stores: stores,
  Workers: keeping,
  'The API': reading,
} as const

export const settings = { ...servers, ...stores, ...keeping, ...reading } as const

export type Setting = keyof typeof settings
export const settingNames = Object.keys(settings) as readonly Setting[]

type Forms = typeof settings

/** What a process works with. */
export type Config = {
  readonly [Name in Setting]: Forms[Name]['form'] extends Form<infer Out, infer _In> ? Out : never
}

/** What the configuration file may say, where stores stand by their names. */
export type FileSettings = {
  readonly [Name in Exclude<Setting, StoreName | 'stores'>]?:
    (Forms[Name]['form'] extends Form<infer _Out, infer In> ? In : never) | undefined
}

/** A setting's name in the configuration file. */
export function nameInFile(setting: Setting): string {
  return storeNames.some((name) => name === setting) ? `stores.${setting}` : setting
}

export function readersOf(setting: Setting): readonly ConfiguredRole[] {
  return settings[setting].readers
}

function readBy(...readers: readonly ConfiguredRole[]) {
  return <Out, In>(
    form: Form<Out, In>,
    fallback: NoInfer<In>,
    does: string,
  ): SettingOf<Out, In> => ({
    form,
    fallback,
    does,
    readers,
  })
}
