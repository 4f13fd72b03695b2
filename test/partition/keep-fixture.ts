import type { MillraceError } from '../../src/errors.ts'
import { keepPartition, type PartitionParts } from '../../src/partition/keep.ts'
import { emptyData } from '../../src/store/memory/data.ts'
import { memoryStore } from '../../src/store/memory/memory-store.ts'
import type { Checkpoint, Doubt, Epoch, ViewState } from '../../src/store/state.ts'
import type { ViewStore } from '../../src/store/store.ts'
import { ViewWatch } from '../../src/store/view-watch.ts'
import type { ViewWriter } from '../../src/store/writer.ts'
import { ownView, keptDeclaration } from '../../src/coordinate/view-plan.ts'
import type { View } from '../../src/view/view.ts'
import { FakeTopics } from '../support/fake-topics.ts'
import { decoderOfTests, library } from '../support/library.ts'
import { ManualClock, settled } from '../support/manual-clock.ts'
import { recordedLog } from '../support/recorded-log.ts'
import { aBarrier, aBeginning, aDoubt, checkpoint, offsets } from '../store/store-fixture.ts'

export const name = 't.public.books/0'
const topics = { 't.public.books': 1 }
const declaration = keptDeclaration(ownView(library), { declarations: [] })

/** One partition that is kept, in the memory store, from a log that begins at offset 10. */
export class Kept {
  readonly clock = new ManualClock()
  readonly data = emptyData()
  readonly store: ViewStore = memoryStore(this.clock, this.data)
  readonly topics = new FakeTopics(this.clock)
  readonly lost = new AbortController()
  readonly recorded = recordedLog()
  readonly watch = new ViewWatch(this.store.watchable, this.clock, this.recorded.log)
  /** Stands before the store's writer. */
  writer: ViewWriter = this.store.writer(library.layout)
  /** Of the declaration, or in its place. */
  view: View = library
  planFailure: Error | undefined
  plans: ViewState[] = []
  compactionLagMs = Infinity
  kept: Promise<void> | undefined
  /** True once `kept` is settled. */
  over = false

  constructor() {
    this.topics.begin(name, 10)
  }

  /** Begins the view with its checkpoint, unless it is to have none. */
  async begin(
    at: Checkpoint | undefined = checkpoint(10, { windowFrom: offsets({ x: 10 }).get('x')! }),
  ) {
    const epoch = await this.store.coordination.open(
      aBeginning({
        declaration,
        topics,
        checkpoints: new Map(at ? [[name, at]] : []),
        barrier: aBarrier('0/8', 0, { number: 1, from: new Map(), ends: new Map() }),
      }),
    )
    await this.watch.ask()
    return epoch!
  }

  keep(given: Partial<PartitionParts> = {}): void {
    const { clock, watch, recorded } = this
    this.kept = keepPartition({
      reader: this.topics.reader({ topic: 't.public.books', partition: 0 }, this.lost.signal),
      table: 'books',
      watch,
      plan: (state) => {
        this.plans.push(state)
        if (this.planFailure) throw this.planFailure
        return { view: this.view, writer: this.writer, decoder: decoderOfTests }
      },
      clock,
      log: recorded.log,
      compactionLagMs: () => this.compactionLagMs,
      identitiesMax: 1_000,
      lingerMs: 0,
      ...given,
    })
    const end = () => {
      this.over = true
    }
    this.kept.then(end, end)
  }

  async state(): Promise<ViewState> {
    return (await this.store.watchable.state())!
  }

  async checkpoint(): Promise<Checkpoint | undefined> {
    const { epoch } = await this.state()
    return (await this.store.writer(library.layout).checkpoints(epoch)).get(name)
  }

  /** Books of these authors as the store counts them. */
  async books(...authors: readonly number[]): Promise<string[]> {
    const { epoch } = await this.state()
    const keys = authors.map(String)
    const answer = await this.store.audit(library.layout).look({ epoch, keys, ticket: undefined })
    if (answer.kind === 'conflict') throw new Error('another epoch')
    return answer.texts.map((text) => text.split(';')[1]!)
  }

  async problem() {
    const { problems } = await this.store.reader(library.layout, declaration.id).status()
    return problems.get(name)
  }

  async doubts(): Promise<string[]> {
    return (await this.state()).doubts.map((doubt) => doubt.name)
  }

  /** Everything goes on that waits for nothing but its turn; the watch asks the store. */
  async turn(): Promise<void> {
    await settled()
    await this.watch.ask()
    await settled()
  }

  /** Every declaration holds what it says. */
  async complete(): Promise<void> {
    const { epoch, pass, declarations } = await this.state()
    const completed = declarations.map(({ id }) => id)
    const step = { epoch, before: pass, after: '{}', ended: [], completed }
    await this.store.audit(library.layout).progress(step)
    await this.watch.ask()
  }

  /** Turns the epoch, with the checkpoint at `next`. */
  async turnEpoch(
    next: number,
    doubts: ViewState['doubts'] = [],
    given?: ViewState['declarations'],
  ): Promise<Epoch> {
    const { epoch, declarations: kept } = await this.state()
    const declarations = given ?? kept
    const turned = await this.store.coordination.turn({
      epoch,
      declarations,
      topics,
      restarts: [{ how: 'anew', partitions: [] }],
      offsets: offsets({ [name]: next }),
      doubts,
    })
    return turned!
  }

  async raise(doubt: Doubt = aDoubt('x')): Promise<void> {
    const { epoch } = await this.state()
    await this.store.writer(library.layout).raise(epoch, doubt)
    await this.watch.ask()
  }

  /** Replaces methods of the writer. */
  write(given: Partial<ViewWriter>): void {
    const { writer } = this
    this.writer = {
      checkpoints: (epoch) => writer.checkpoints(epoch),
      commit: (commit) => writer.commit(commit),
      raise: (epoch, doubt) => writer.raise(epoch, doubt),
      report: (place, problem) => writer.report(place, problem),
      displace: (...all) => writer.displace(...all),
      ...given,
    }
  }

  /** The next commit fails so. */
  failCommit(error: MillraceError): void {
    const { writer } = this
    let failed = false
    this.write({
      commit: (commit) => {
        if (failed) return writer.commit(commit)
        failed = true
        return Promise.reject(error)
      },
    })
  }

  /** Sets the checkpoint to an earlier one, as a store does that lost its last second. */
  goBack(to: Checkpoint): void {
    this.data.checkpoints.set(name, to)
  }

  async end(): Promise<void> {
    this.lost.abort()
    await this.kept
  }
}
