import type { Clock } from '../clock.ts'
import type { Config } from '../config.ts'
import type { ChangeLog, ChangeSource, TopicAdmin } from '../consume/change-source.ts'
import type { MarkerLog } from '../consume/marker-log.ts'
import { Barriers } from '../coordinate/barriers.ts'
import type { ConnectorTask } from '../coordinate/connector-task.ts'
import { watchConnector } from '../coordinate/connector-watch.ts'
import { Coordinator } from '../coordinate/coordinator.ts'
import { decodeFingerprint } from '../coordinate/fingerprint.ts'
import type { Marks } from '../coordinate/marks.ts'
import { Setup, topicOf } from '../coordinate/setup.ts'
import { mergedView, refuseReplaced, type OwnView } from '../coordinate/view-plan.ts'
import type { Decoder, DecoderSubject } from '../decode/decoder.ts'
import { describe, MillraceError } from '../errors.ts'
import type { Log } from '../log.ts'
import { keepPartition } from '../partition/keep.ts'
import { topicPartitionName } from '../position.ts'
import { reconcile } from '../reconcile/reconciler.ts'
import type { Connect } from '../source/connect.ts'
import type { Source } from '../source/source.ts'
import type { ViewState } from '../store/state.ts'
import type { ViewStore } from '../store/store.ts'
import { ViewWatch } from '../store/view-watch.ts'
import { tablesOf } from '../view/view.ts'
import { Plans } from './plans.ts'
import { untilDone } from './until-done.ts'

/** What lies outside of Millrace, and every store of a process shares. */
export type Outside = {
  readonly admin: TopicAdmin
  readonly source: Source
  readonly connect: Connect
  readonly changeLog: ChangeLog
  readonly markers: MarkerLog
  readonly marks: Marks
  readonly connectorTask: ConnectorTask
  readonly clock: Clock
  /** One member of the group, which reads the topic. */
  changeSource(of: { readonly groupId: string; readonly topic: string }): ChangeSource
  decoder(of: DecoderSubject): Decoder
}

export type KeepViewParts = {
  readonly own: OwnView
  readonly store: ViewStore
  /** Those whose topics this process takes. */
  readonly tables: readonly string[]
  readonly outside: Outside
  readonly config: Config
  /** The part of this process's time for looks that is this view's. */
  readonly share: number
  /** Names this process in the lease. */
  readonly holder: string
  readonly log: Log
}

/** Keeps one view in one store until `signal` aborts. */
export async function keepView(parts: KeepViewParts, signal: AbortSignal): Promise<void> {
  const { store, outside, config, log } = parts
  const watch = new ViewWatch(store.watchable, outside.clock, log)
  const plans = new Plans({ ...parts, watch })
  await Promise.all([
    watch.run(config.barrierIntervalMs / 4, signal),
    coordinator(parts, watch, plans).run(signal),
    keepTopics({ ...parts, watch, plans }, signal),
  ])
}

function coordinator(parts: KeepViewParts, watch: ViewWatch, plans: Plans): Coordinator {
  const { own, store, outside, config, share, holder, log } = parts
  const { source, connect, admin, marks, connectorTask, clock } = outside
  const { connector, publication, slot } = config
  const reader = store.reader(own.view.layout, own.id)
  const writer = store.writer(own.view.layout)
  const setup = new Setup({
    source,
    connect,
    admin,
    reader,
    names: { connector, publication, slot },
    brokers: config.kafka,
  })
  const barriers = new Barriers({
    marks,
    admin,
    topics: setup.topics(own.view),
    clock,
    coordination: store.coordination,
    watch,
    writer,
    log,
    intervalMs: config.barrierIntervalMs,
    idleMs: config.barrierIdleMs,
  })
  const looks = {
    plan: (state: ViewState) => plans.reconcile(state),
    watch,
    clock,
    log,
    steady: {
      rowsPerSecond: config.lookRowsPerSecond * share,
      shareMax: (config.lookSharePercent / 100) * share,
    },
    fullPaceDailyMs: config.fullPaceDailyMs,
  }
  return new Coordinator({
    own,
    store,
    watch,
    setup,
    barriers,
    connect,
    connectorTask,
    beside: [
      (over) => watchConnector({ task: connectorTask, writer, clock }, over),
      (over) => reconcile(looks, over),
    ],
    clock,
    log,
    holder,
    leaseMs: config.leaseMs,
    setupIntervalMs: config.barrierIntervalMs,
  })
}

type KeepTopics = KeepViewParts & { readonly watch: ViewWatch; readonly plans: Plans }

/** Reads the topics while the own declaration is the newest one that was applied. */
async function keepTopics(parts: KeepTopics, signal: AbortSignal): Promise<void> {
  const { watch, own, log, tables } = parts
  let said = ''
  while (!signal.aborted) {
    const state = await watch.begun(signal)
    if (!state) return
    try {
      refuseReplaced(own, state)
      said = ''
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error
      if (error.message !== said) {
        log.error({ code: error.code, reason: describe(error), hint: error.hint }, 'not kept here')
      }
      said = error.message
      await watch.begun(signal, state.epoch)
      continue
    }
    const isKept = (table: string) => {
      const known = watch.state ?? state
      return known.declarations.at(-1)!.id === own.id && tablesOf(mergedView(known)).includes(table)
    }
    // Workers of earlier declarations have ended, so their tables are kept here as well.
    const others = tablesOf(mergedView(state)).filter((it) => !tablesOf(own.view).includes(it))
    const kept = [...tables, ...others]
    await Promise.all(
      kept.map(async (table) => {
        // A topic that gets more partitions is joined anew while the others go on.
        while (!signal.aborted && isKept(table)) await keepTopic(parts, table, signal)
      }),
    )
    // This process may have been given other tables alone: only another epoch brings it any.
    if (kept.length === 0) await watch.begun(signal, state.epoch)
  }
}

/** Reads one topic, as one member of its group, while its partitions and the declaration stay. */
async function keepTopic(parts: KeepTopics, table: string, signal: AbortSignal): Promise<void> {
  const { watch, plans, store, own, outside, config, log } = parts
  const { clock } = outside
  const topic = topicOf(config.connector, table)
  const end = new AbortController()
  const over = AbortSignal.any([signal, end.signal])
  const known = shapeOf(watch.state, topic)
  const watching = watch
    .until(over, () => (shapeOf(watch.state, topic) === known ? undefined : true))
    .then(() => end.abort())
  // Stores with views of one name may share a Kafka: the view's instance tells their groups apart.
  // No part but the topic has a dot, so no two groups have one id.
  const instance = watch.state?.instance ?? 'unknown'
  const groupId = `millrace.${own.view.name}.${store.name}.${instance}.${topic}`
  await untilDone({ log: log.child({ topic }), clock, signal: over }, () =>
    outside.changeSource({ groupId, topic }).run(
      (reader) =>
        keepPartition({
          reader,
          table,
          watch,
          plan: (state) => plans.partition(state, table),
          clock,
          log: log.child({ partition: topicPartitionName(reader.partition) }),
          compactionLagMs: () => compactionLagMs(watch.state, topic),
          identitiesMax: config.identitiesPerPartitionMax,
          lingerMs: own.view.lingerMs ?? 0,
        }),
      over,
    ),
  )
  end.abort()
  await watching
}

/** What a member of a topic's group has to begin anew for. A store that is away changes nothing. */
function shapeOf(state: ViewState | undefined, topic: string): string | undefined {
  return state && `${state.instance} ${state.topics[topic]} ${state.declarations.at(-1)?.id}`
}

function compactionLagMs(state: ViewState | undefined, topic: string): number {
  const found = state?.fingerprint && decodeFingerprint(state.fingerprint).topics[topic]
  if (!found) return Infinity
  return found.cleanupPolicy.includes('compact') ? found.compactionLagMs : Infinity
}
