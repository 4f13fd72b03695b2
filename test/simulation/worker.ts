/**
 * One process of Millrace, wired as the role `worker` wires it: the view's watch, a candidate for
 * the coordination with looks beside it, and a member of the group of each topic.
 */
import { backoff } from '../../src/clock.ts'
import { MarkerLog } from '../../src/consume/marker-log.ts'
import { connectorProgress } from '../../src/coordinate/barrier.ts'
import { Barriers } from '../../src/coordinate/barriers.ts'
import { ConnectorWatch } from '../../src/coordinate/connector-watch.ts'
import { Coordinator } from '../../src/coordinate/coordinator.ts'
import { decodeFingerprint } from '../../src/coordinate/fingerprint.ts'
import { Setup, topicOf } from '../../src/coordinate/setup.ts'
import { mergedView, refuseReplaced, type OwnView } from '../../src/coordinate/view-plan.ts'
import type { Decoder } from '../../src/decode/decoder.ts'
import { MillraceError } from '../../src/errors.ts'
import type { Log } from '../../src/log.ts'
import { keepPartition, type PartitionPlan } from '../../src/partition/keep.ts'
import { topicPartitionName } from '../../src/position.ts'
import type { Plan } from '../../src/reconcile/plan.ts'
import { reconcile } from '../../src/reconcile/reconciler.ts'
import type { ViewState } from '../../src/store/state.ts'
import type { ViewStore } from '../../src/store/store.ts'
import { ViewWatch } from '../../src/store/view-watch.ts'
import { decodeView } from '../../src/view/declarations.ts'
import { tablesOf, type View } from '../../src/view/view.ts'
import { connectorName, connectOf, messageTopic } from './connector.ts'
import { DatabaseSource } from './database-source.ts'
import { simulatedDecoder } from './decoder.ts'
import { changeSourceOf } from './groups.ts'
import type { Process } from './process.ts'
import { prober } from './prober.ts'
import { changeLogOf, topicAdminOf } from './topic-clients.ts'
import type { World } from './world.ts'

const barrierIntervalMs = 1_000

export type Worker = {
  readonly world: World
  readonly process: Process
  readonly own: OwnView
  readonly store: ViewStore
  readonly log: Log
  readonly watch: ViewWatch
  readonly plans: Plans
}

/** Runs until `signal` aborts, or its process is killed. */
export async function runWorker(
  world: World,
  process: Process,
  own: OwnView,
  signal: AbortSignal,
): Promise<void> {
  const { clock } = process
  const log = world.logOf(process)
  const store = world.store.client(process)
  const changeLog = changeLogOf(world, process)
  const markers = new MarkerLog({ changeLog, topic: messageTopic, clock, log })
  const watch = new ViewWatch(store.watchable, clock, log)
  const source = new DatabaseSource(world, process)
  const plans = new Plans({
    world,
    process,
    own,
    store,
    log,
    watch,
    clock,
    source,
    changeLog,
    markers,
  })
  const worker = { world, process, own, store, log, watch, plans }
  await Promise.all([
    markers.run(signal),
    watch.run(barrierIntervalMs / 4, signal),
    coordinatorOf(worker, source, markers).run(signal),
    keepTopics(worker, signal),
    prober(worker, signal),
  ])
}

function coordinatorOf(
  { world, process, own, store, log, watch, plans }: Worker,
  source: DatabaseSource,
  markers: MarkerLog,
): Coordinator {
  const { clock } = process
  const admin = topicAdminOf(world, process)
  const connect = connectOf(world, process)
  const names = { connector: connectorName, publication: connectorName, slot: connectorName }
  const reader = store.reader(own.view.layout, own.id)
  const setup = new Setup({ source, connect, admin, reader, names, brokers: ['broker'] })
  const barriers = new Barriers({
    source,
    admin,
    markers,
    clock,
    watch,
    log,
    capture: connectorProgress(connect),
    topics: setup.topics(own.view),
    coordination: store.coordination,
    writer: store.writer(own.view.layout),
    intervalMs: barrierIntervalMs,
    idleMs: barrierIntervalMs * 2,
  })
  const looks = {
    watch,
    clock,
    log,
    plan: (state: ViewState) => plans.reconcile(state),
    steady: {
      rowsPerSecond: 2e4,
      shareMax: 0.05,
    },
    fullPaceDailyMs: 4 * 36e5,
  }
  const writer = store.writer(own.view.layout)
  return new Coordinator({
    own,
    store,
    watch,
    setup,
    barriers,
    connect,
    clock,
    log,
    connectorWatch: new ConnectorWatch({
      connect,
      writer,
      clock,
      log,
    }),
    beside: [(over) => reconcile(looks, over)],
    holder: process.name,
    leaseMs: 5e3,
    setupIntervalMs: barrierIntervalMs,
  })
}

/** Reads the topics while the own declaration is the newest one that was applied. */
async function keepTopics(worker: Worker, signal: AbortSignal): Promise<void> {
  const { watch, own } = worker
  while (!signal.aborted) {
    const state = await watch.begun(signal)
    if (!state) return
    try {
      refuseReplaced(own, state)
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error
      worker.world.count(`a worker stopped: ${error.code}`)
      await watch.begun(signal, state.epoch)
      continue
    }
    const isKept = (table: string) => {
      const known = watch.state ?? state
      return known.declarations.at(-1)!.id === own.id && tablesOf(mergedView(known)).includes(table)
    }
    await Promise.all(
      tablesOf(mergedView(state)).map(async (table) => {
        while (!signal.aborted && isKept(table)) await keepTopic(worker, table, signal)
      }),
    )
  }
}

async function keepTopic(worker: Worker, table: string, signal: AbortSignal): Promise<void> {
  const { world, process, watch, plans, log } = worker
  const { clock } = process
  const { identitiesMax } = world
  const topic = topicOf(connectorName, table)
  const end = new AbortController()
  const over = AbortSignal.any([signal, end.signal])
  const known = shapeOf(watch.state, topic)
  const watching = watch
    .until(over, () => (shapeOf(watch.state, topic) === known ? undefined : true))
    .then(() => end.abort())
  const pause = backoff(500, 30_000)
  while (!over.aborted) {
    try {
      await changeSourceOf(world, process, topic).run(
        (reader) =>
          keepPartition({
            reader,
            table,
            watch,
            clock,
            identitiesMax,
            plan: (state) => plans.partition(state, table),
            log: log.child({ partition: topicPartitionName(reader.partition) }),
            compactionLagMs: () => compactionLagMs(watch.state, topic),
          }),
        over,
      )
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error
      await clock.sleep(pause.nextMs(), over)
    }
  }
  end.abort()
  await watching
}

function shapeOf(state: ViewState | undefined, topic: string): string | undefined {
  return state && `${state.topics[topic]} ${state.declarations.at(-1)?.id}`
}

function compactionLagMs(state: ViewState | undefined, topic: string): number {
  const found = state?.fingerprint && decodeFingerprint(state.fingerprint).topics[topic]
  if (!found) return Infinity
  return found.cleanupPolicy.includes('compact') ? found.compactionLagMs : Infinity
}

type PlansParts = Omit<
  Plan,
  'view' | 'layout' | 'epoch' | 'audit' | 'writer' | 'complete' | 'tableOf'
> & {
  readonly world: World
  readonly process: Process
  readonly own: OwnView
  readonly store: ViewStore
}

/** What follows from a view's state for those who fold, write and compare. */
export class Plans {
  readonly #parts: PlansParts
  #known: { readonly of: string; readonly made: Made } | undefined

  constructor(parts: PlansParts) {
    this.#parts = parts
  }

  partition(state: ViewState, table: string): PartitionPlan {
    const { own, store } = this.#parts
    refuseReplaced(own, state)
    const { view, decoders } = this.#made(state)
    return { view, writer: store.writer(view.layout), decoder: decoders.get(table)! }
  }

  reconcile(state: ViewState): Plan {
    const { store } = this.#parts
    const { view, decoders } = this.#made(state)
    const names = new Map(tablesOf(view).map((table) => [topicOf(connectorName, table), table]))
    return {
      ...this.#parts,
      view,
      layout: view.layout,
      epoch: state.epoch,
      audit: store.audit(view.layout),
      writer: store.writer(view.layout),
      complete: completeNames(state),
      tableOf: (topic) => {
        const table = names.get(topic)
        return table === undefined ? undefined : { table, decoder: decoders.get(table)! }
      },
    }
  }

  #made(state: ViewState): Made {
    if (state.fingerprint === undefined) {
      throw new MillraceError('not-serving', 'the set-up was not looked at yet')
    }
    const of = JSON.stringify(state.declarations.map(({ declaration }) => declaration))
    if (this.#known?.of === of) return this.#known.made
    const view = mergedView(state)
    const { world, process } = this.#parts
    const decoders = new Map(
      tablesOf(view).map((table) => [table, simulatedDecoder({ world, process, view, table })]),
    )
    this.#known = { of, made: { view, decoders } }
    return this.#known.made
  }
}

type Made = { readonly view: View; readonly decoders: ReadonlyMap<string, Decoder> }

function completeNames({ declarations }: ViewState): ReadonlySet<string> {
  const names = declarations
    .filter(({ complete }) => complete)
    .flatMap(({ declaration }) => {
      const { layout } = decodeView(declaration)
      return ['*', ...layout.fields.map(({ name }) => name), ...layout.counts]
    })
  return new Set(names)
}
