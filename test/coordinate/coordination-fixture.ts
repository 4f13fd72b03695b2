import type { Doubt, ViewState } from '../../src/store/state.ts'
import { Barriers, type BarriersParts } from '../../src/coordinate/barriers.ts'
import { ConnectorTask } from '../../src/coordinate/connector-task.ts'
import type { Coordination } from '../../src/coordinate/coordinator.ts'
import { encodeFingerprint } from '../../src/coordinate/fingerprint.ts'
import { connectorProgress, Marks } from '../../src/coordinate/marks.ts'
import { Setup } from '../../src/coordinate/setup.ts'
import { keptDeclaration, ownView, type OwnView } from '../../src/coordinate/view-plan.ts'
import { parseLsn } from '../../src/position.ts'
import type { Barrier, Checkpoint } from '../../src/store/state.ts'
import { emptyData } from '../../src/store/memory/data.ts'
import { memoryStore } from '../../src/store/memory/memory-store.ts'
import { partitionsOf } from '../../src/store/restart.ts'
import { ViewWatch } from '../../src/store/view-watch.ts'
import type { View } from '../../src/view/view.ts'
import { FakeOutside, topicNames } from '../support/fake-outside.ts'
import { at, library } from '../support/library.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { recordedLog } from '../support/recorded-log.ts'
import { aBarrier, checkpoint } from '../store/store-fixture.ts'

export const names = { connector: 't', publication: 'millrace', slot: 'millrace' }
export const topics = Object.fromEntries(topicNames.map((topic) => [topic, 1]))
export const partitions = partitionsOf(topics)

/** The same offset for every partition of the view `library`. */
export function all(offset: number | bigint) {
  return new Map(partitions.map((name) => [name, at(offset)]))
}

/** A view in the memory store, and whatever coordinates it works with. */
export class World {
  readonly clock = new ManualClock()
  readonly data = emptyData()
  readonly store = memoryStore(this.clock, this.data)
  readonly outside = new FakeOutside(this.clock)
  readonly recorded = recordedLog()
  readonly watch = new ViewWatch(this.store.watchable, this.clock, this.recorded.log)
  readonly end = new AbortController()
  readonly own: OwnView
  readonly setup: Setup
  readonly barriers: Barriers
  readonly parts: Coordination
  evicted: number | undefined = 0

  constructor(view: View = library) {
    const { clock, store, watch, outside } = this
    const { log } = this.recorded
    this.own = ownView(view)
    const reader = store.reader(view.layout, this.own.id)
    const status = async () => ({ ...(await reader.status()), evicted: this.evicted })
    const { source, connect, admin } = outside
    const brokers = ['localhost:9092']
    this.setup = new Setup({ source, connect, admin, reader: { status }, names, brokers })
    this.barriers = new Barriers(this.barriersParts())
    const { own, setup, barriers } = this
    const connectorTask = new ConnectorTask({ connect, clock, log })
    this.parts = { own, store, watch, setup, barriers, connect, connectorTask, clock, log }
  }

  barriersParts(given: Partial<BarriersParts> = {}): BarriersParts {
    const { source, connect, admin, markers } = this.outside
    const { clock } = this
    const capture = connectorProgress(connect)
    return {
      marks: new Marks({ source, capture, markers, clock, intervalMs: 0 }),
      admin,
      topics: this.setup.topics(this.own.view),
      clock,
      coordination: this.store.coordination,
      watch: this.watch,
      writer: this.store.writer(this.own.view.layout),
      log: this.recorded.log,
      intervalMs: 1_000,
      idleMs: 5_000,
      ...given,
    }
  }

  /** Begins the view with every checkpoint at 10, behind barrier 1. */
  async begin(
    given: {
      readonly next?: number
      readonly fingerprint?: string
      readonly keepFrom?: number
    } = {},
  ) {
    const { next = 10, keepFrom } = given
    const fingerprint = given.fingerprint ?? (await this.fingerprint())
    const checkpoints = partitions.map((name): [string, Checkpoint] => [name, checkpoint(next)])
    const epoch = await this.store.coordination.open({
      declaration: keptDeclaration(this.own, { declarations: [] }),
      topics,
      checkpoints: new Map(checkpoints),
      fingerprint,
      barrier: this.barrier(1, 10),
      keepFrom,
    })
    await this.watch.ask()
    return epoch!
  }

  async fingerprint(): Promise<string> {
    return encodeFingerprint((await this.setup.look(this.own.view)).fingerprint)
  }

  /** A barrier of the present history whose offsets are all the same. */
  barrier(number: number, offset: number, given: Partial<Barrier> = {}): Barrier {
    const { history } = this.outside
    const lsn = parseLsn(`0/${(number * 8).toString(16)}`)
    return aBarrier('0/0', 0, {
      number,
      lsn,
      history,
      from: all(offset),
      ends: all(offset),
      ...given,
    })
  }

  async publish(barrier: Barrier): Promise<void> {
    await this.store.coordination.publish(barrier, [])
    await this.watch.ask()
  }

  async raise(...doubts: readonly Doubt[]): Promise<ViewState> {
    const { epoch } = await this.state()
    for (const doubt of doubts) await this.store.writer(library.layout).raise(epoch, doubt)
    return (await this.watch.ask())!
  }

  async state(): Promise<ViewState> {
    return (await this.store.watchable.state())!
  }

  /** All that was begun is complete now. */
  async complete(): Promise<ViewState> {
    const { epoch, pass, declarations } = await this.state()
    const completed = declarations.map(({ id }) => id)
    const step = { epoch, before: pass, after: pass ?? '{}', ended: [], completed }
    await this.store.audit(library.layout).progress(step)
    return (await this.watch.ask())!
  }

  async checkpoints(): Promise<ReadonlyMap<string, Checkpoint>> {
    const { epoch } = await this.state()
    return this.store.writer(library.layout).checkpoints(epoch)
  }

  /** Sets the checkpoints of these partitions, as tails do that go on. */
  stand(next: number, these: readonly string[] = partitions): void {
    for (const name of these) this.data.checkpoints.set(name, checkpoint(next))
  }

  /** Messages that were logged. */
  get said(): readonly string[] {
    return this.recorded.lines.map(({ msg }) => msg)
  }
}
