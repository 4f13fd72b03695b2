/**
 * The role `worker`: for each store, one member of the group of each topic, the store's watch, and
 * a candidate for its coordination. Stores share nothing but the process, so that one that is down
 * never holds up the other.
 */
import { hostname } from 'node:os'
import { parseArgs } from 'node:util'
import { Coordinator } from '../bootstrap/coordinator.ts'
import { GenerationWatch } from '../bootstrap/generation-watch.ts'
import { keepPartition } from '../bootstrap/partition.ts'
import { backoff, systemClock } from '../clock.ts'
import type { Config } from '../config.ts'
import { kafkaChangeSource } from '../consume/kafka/kafka-change-source.ts'
import { kafkaTopicAdmin } from '../consume/kafka/topic-admin.ts'
import type { TopicAdmin } from '../consume/change-source.ts'
import { refuseUnfitTopic } from '../consume/fit-topic.ts'
import { decoder } from '../decode/decoder.ts'
import { schemaRegistry, type SchemaSource } from '../decode/registry.ts'
import { describe, MillraceError } from '../errors.ts'
import { tablesOf, type View } from '../view/view.ts'
import type { Log } from '../log.ts'
import { topicPartitionName } from '../position.ts'
import { refuseUnfitSource } from '../source/catalog.ts'
import { Connector, topicOf } from '../source/connector.ts'
import { SourceDatabase } from '../source/source-database.ts'
import { openStore, storeNamed } from '../store/open-store.ts'
import type { ViewStore } from '../store/store.ts'
import { userInformation } from '../views/user-information.ts'

type Worker = {
  readonly config: Config
  readonly view: View
  readonly tables: readonly string[]
  readonly admin: TopicAdmin
  readonly source: SourceDatabase
  readonly registry: SchemaSource
  readonly log: Log
}

const pauseFirstMs = 500
const pauseMostMs = 30_000

/**
 * Runs until `signal` aborts. `--topics users,tweets` takes these tables' topics only, `--store`
 * one store only; whatever is left out must run in another process.
 */
export async function runWorker(
  args: readonly string[],
  config: Config,
  { log, signal }: { readonly log: Log; readonly signal: AbortSignal },
): Promise<void> {
  const view = userInformation
  const { tables, stores } = parseWorkerArgs(args, config, view)
  const admin = kafkaTopicAdmin({
    brokers: config.kafka,
    callTimeoutMs: config.callTimeoutMs,
    log,
  })
  const source = new SourceDatabase({ url: config.source, callTimeoutMs: config.callTimeoutMs })
  const registry = schemaRegistry(config.registry, { callTimeoutMs: config.callTimeoutMs })
  const worker: Worker = { config, view, tables, admin, source, registry, log }
  log.info({ view: view.name, tables, stores }, 'worker starts')
  try {
    await Promise.all(stores.map((name) => keepStore(worker, name, signal)))
  } finally {
    await Promise.allSettled([admin.close(), source.close()])
  }
}

async function keepStore(
  worker: Worker,
  name: Config['stores'][number],
  signal: AbortSignal,
): Promise<void> {
  const { config, view, tables, admin, source } = worker
  const log = worker.log.child({ store: name })
  const store = await untilDone(log, signal, () =>
    openStore(name, { config, layout: view.layout, log }),
  )
  if (!store) return
  const watch = new GenerationWatch(store.writer, systemClock, log)
  const { connect, connector: connectorName, callTimeoutMs } = config
  const connector = new Connector({ connect, name: connectorName, callTimeoutMs })
  const coordinator = new Coordinator({
    store,
    source,
    admin,
    clock: systemClock,
    log,
    connector,
    topics: tablesOf(view).map((table) => topicOf(config.connector, table)),
    checkSource: async () => {
      await refuseUnfitSource(view, source, config.publication)
      await connector.refuseUnfit()
    },
    holder: `${hostname()}:${process.pid}`,
    leaseMs: config.leaseMs,
    barrierIntervalMs: config.barrierIntervalMs,
    barrierIdleMs: config.barrierIdleMs,
  })
  try {
    await Promise.all([
      watch.run(config.barrierIntervalMs / 4, signal),
      coordinator.run(signal),
      ...tables.map((table) => keepTopic({ ...worker, log, store, watch }, table, signal)),
    ])
  } finally {
    await store.close()
  }
}

/** Reads one topic, as one member of its group, for as long as the process lives. */
async function keepTopic(
  worker: Worker & { readonly store: ViewStore; readonly watch: GenerationWatch },
  table: string,
  signal: AbortSignal,
): Promise<void> {
  const { config, view, store, admin, registry, log } = worker
  const topic = topicOf(config.connector, table)
  await untilDone(log.child({ topic }), signal, async () => {
    const settings = (await admin.settings([topic]))[topic]
    if (!settings) {
      throw new MillraceError('no-topics', `topic ${topic} is not there`, { retriable: true })
    }
    refuseUnfitTopic(topic, settings, config.kafka)
    const { unknownSchemaMs } = config
    const decodeOptions = { registry, view, table, topic, clock: systemClock, unknownSchemaMs }
    const source = kafkaChangeSource({
      brokers: config.kafka,
      groupId: `millrace-${view.name}-${store.name}-${table}`,
      topic,
      sessionTimeoutMs: config.sessionTimeoutMs,
      recordsMax: config.batchRecordsMax,
      log,
    })
    await source.run(
      (reader) =>
        keepPartition({
          ...worker,
          table,
          reader,
          decoder: decoder(decodeOptions),
          clock: systemClock,
          log: log.child({ partition: topicPartitionName(reader.partition) }),
          lagMs: settings.compactionLagMs,
          entriesPerPourMax: config.entriesPerPourMax,
          parkedMax: config.parkedPerPartitionMax,
          identitiesMax: config.identitiesPerPartitionMax,
        }),
      signal,
    )
  })
}

/** Tries `act` until it resolves, with growing pauses; a bug ends the process. */
async function untilDone<T>(
  log: Log,
  signal: AbortSignal,
  act: () => Promise<T>,
): Promise<T | undefined> {
  const pause = backoff(pauseFirstMs, pauseMostMs)
  while (!signal.aborted) {
    const startedMs = systemClock.monotonicMs()
    try {
      return await act()
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error
      if (systemClock.monotonicMs() - startedMs > pauseMostMs) pause.reset()
      const level = error.retriable ? 'warn' : 'error'
      log[level]({ code: error.code, reason: describe(error), hint: error.hint }, 'trying again')
      await systemClock.sleep(pause.nextMs(), signal)
    }
  }
  return undefined
}

function parseWorkerArgs(args: readonly string[], config: Config, view: View) {
  const { values } = parseArgs({
    args: [...args],
    options: { topics: { type: 'string' }, store: { type: 'string' } },
  })
  const all = tablesOf(view)
  const tables = values.topics?.split(',') ?? all
  const unknown = tables.filter((table) => !all.includes(table))
  if (unknown.length > 0) {
    throw new MillraceError(
      'arguments',
      `--topics: view ${view.name} does not read ${unknown.join(', ')}`,
      {
        hint: `It reads ${all.join(', ')}.`,
      },
    )
  }
  const named = values.store
  const stores = named === undefined ? config.stores : [storeNamed(named, config)]
  return { tables, stores }
}
