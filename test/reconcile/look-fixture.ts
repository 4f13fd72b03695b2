import { belowBound } from '../../src/keep.ts'
import type { Judgement } from '../../src/reconcile/look.ts'
import type { Plan } from '../../src/reconcile/plan.ts'
import type { FullPace, ItemPage, ItemTruth, Page, Truth } from '../../src/source/source.ts'
import { encodeEntry } from '../../src/store/entry-text.ts'
import type { Held } from '../../src/store/memory/data.ts'
import type { Barrier, Checkpoint } from '../../src/store/state.ts'
import { lsnFromInteger } from '../../src/position.ts'
import { parseSnapshot, parseTransactionId, type TransactionId } from '../../src/transaction.ts'
import { compareKeys } from '../../src/view/truth-keys.ts'
import type { View } from '../../src/view/view.ts'
import { topicNames } from '../support/fake-outside.ts'
import { FakeTopics } from '../support/fake-topics.ts'
import { decoderOfTests } from '../support/library.ts'
import { checkpoint } from '../store/store-fixture.ts'
import { all, partitions, World } from '../coordinate/coordination-fixture.ts'

export const [authors, books, prizes] = partitions as [string, string, string]

/** An author with so many books and prizes; without a name there is no owning row. */
export function held(name: string | null, bookCount = 0n, prizeCount = 0n): Held {
  return { fields: name === null ? null : { name }, counts: { bookCount, prizeCount } }
}

/**
 * The view `library` with what looks compare it by: a source that answers what a test says, the log
 * from offset 10 on, and barriers. Checkpoints and the offsets of the first two barriers stand at 10.
 * The source's snapshot, `150:150:`, lies between those two.
 */
export class Compared extends World {
  readonly topics = new FakeTopics(this.clock)
  /** What the source says. */
  readonly rows = new Map<string, Held>()
  snapshot = '150:150:'
  horizon: string | undefined
  heldBackBy: string[] = []
  /** Stands where a test says what happens before the source answers. */
  beforeTruth: (page: Page, asked: number) => void | Promise<void> = () => undefined
  /** What was asked of `truth`. */
  readonly pages: Page[] = []
  /** The same for items of a tally. */
  beforeItems: (page: ItemPage, asked: number) => void | Promise<void> = () => undefined
  readonly itemPages: ItemPage[] = []
  /** Keys and transactions that `unsettled` was asked about. */
  readonly unsettled: { readonly keys: readonly string[]; readonly since: TransactionId }[] = []
  /** The right to go at full pace; undefined while another process has it. */
  right: AbortController | undefined = new AbortController()
  released = 0
  readonly signal = this.end.signal

  constructor(view?: View) {
    super(view)
    for (const name of partitions) this.topics.begin(name, 10)
  }

  /** A barrier whose marker is transaction 100 for the first one, 200 for the second. */
  override barrier(number: number, offset: number, given: Partial<Barrier> = {}): Barrier {
    return super.barrier(number, offset, { ...seen(number * 100), ...given })
  }

  /** Begun and served; the snapshot lies between the two barriers that there are. */
  async start(): Promise<void> {
    await this.begin()
    this.completeNow()
    await this.publish(this.barrier(2, 10))
  }

  /** All that is declared is complete, without a step of a pass. */
  completeNow(): void {
    const { declarations, ...rest } = this.data.state!
    this.data.state = {
      ...rest,
      declarations: declarations.map((each) => ({ ...each, complete: true })),
    }
  }

  /** What readers and looks meet, put there behind the back of everybody. */
  keep(key: string, given: Held | undefined): void {
    if (given) this.data.entries.set(key, given)
    else this.data.entries.delete(key)
  }

  /** The source says so, and the store has it. */
  both(key: string, given: Held): void {
    this.rows.set(key, given)
    this.keep(key, given)
  }

  /** The next offset to apply of one partition. */
  stands(name: string, next: number | bigint, given: Partial<Checkpoint> = {}): void {
    this.data.checkpoints.set(name, checkpoint(next, given))
  }

  plan(given: Partial<Plan> = {}): Plan {
    const { store, watch, clock, outside } = this
    const { view } = this.own
    return {
      view,
      layout: view.layout,
      epoch: this.data.state!.epoch,
      changeLog: this.topics,
      source: this.truthSource,
      markers: outside.markers,
      watch,
      writer: store.writer(view.layout),
      audit: store.audit(view.layout),
      keeping: store.keeping(view.layout),
      tallies: store.tallies(view.layout),
      clock,
      log: this.recorded.log,
      complete: new Set(),
      tableOf: (topic) => {
        const table = tablesByTopic.get(topic)
        return table === undefined ? undefined : { table, decoder: decoderOfTests }
      },
      ...given,
    }
  }

  readonly truthSource: Plan['source'] = {
    itemTruth: async (_, page) => {
      this.itemPages.push(page)
      await this.beforeItems(page, this.itemPages.length)
      return this.#itemTruth(page)
    },
    truth: async (view, page) => {
      this.pages.push(page)
      await this.beforeTruth(page, this.pages.length)
      return this.#truth(view, page)
    },
    unsettled: async (_, keys, since) => {
      this.unsettled.push({ keys, since })
      return keys.filter((key) => !this.rows.get(key)?.fields)
    },
    fullPace: async (): Promise<FullPace | undefined> => {
      if (!this.right) return undefined
      const release = async () => void (this.released += 1)
      return { lost: this.right.signal, release }
    },
  }

  #itemTruth(page: ItemPage): ItemTruth {
    const amounts = this.rows.get(page.entry)?.tallies?.get(page.tally) ?? new Map<string, bigint>()
    const items = [...amounts.keys()].toSorted()
    const following =
      page.kind === 'items'
        ? page.items.filter((item) => amounts.has(item))
        : items.filter((item) => page.after === undefined || item > page.after)
    const taken = page.kind === 'items' ? following : following.slice(0, page.itemsMax)
    return {
      ...this.#moment(),
      amounts: new Map(taken.map((item) => [item, amounts.get(item)!])),
      rows: taken.length,
      last: following.length > taken.length ? taken.at(-1) : undefined,
    }
  }

  #moment() {
    const snapshot = parseSnapshot(this.snapshot)
    return {
      ...this.outside.moment(),
      snapshot,
      markerLsn: lsnFromInteger(this.outside.lsn),
      horizon: this.horizon === undefined ? snapshot.xmin : parseTransactionId(this.horizon),
      heldBackBy: this.heldBackBy,
    }
  }

  #truth(view: View, page: Page): Truth {
    const compare = (a: string, b: string) => compareKeys(view.key, a, b)
    const isBelow = belowBound(view.key, page.kind === 'range' ? page.keepFrom : undefined)
    const keys = [...this.rows.keys()].filter((key) => !isBelow(key)).toSorted(compare)
    const following =
      page.kind === 'keys'
        ? keys.filter((key) => page.keys.includes(key))
        : keys.filter((key) => page.after === undefined || compare(key, page.after) > 0)
    const most = page.kind === 'keys' ? following.length : page.keysMax
    const taken = following.slice(0, most)
    const text = (key: string) => encodeEntry(view.layout, key, this.rows.get(key)!)
    return {
      ...this.#moment(),
      entries: new Map(taken.map((key) => [key, text(key)])),
      rows: taken.length,
      last: following.length > taken.length ? taken.at(-1) : undefined,
    }
  }
}

const tablesByTopic = new Map(topicNames.map((topic) => [topic, topic.split('.').at(-1)!]))

/** Of a barrier whose marker is this transaction, and which sees all before it. */
export function seen(transaction: number): Pick<Barrier, 'transaction' | 'snapshot'> {
  return {
    transaction: parseTransactionId(String(transaction)),
    snapshot: parseSnapshot(`${transaction}:${transaction}:`),
  }
}

/** Names of all partitions at the same offset but these. */
export function but(offset: number, given: Readonly<Record<string, number>>) {
  const offsets = all(offset)
  for (const [name, other] of Object.entries(given)) offsets.set(name, all(other).get(name)!)
  return offsets
}

/** The kinds of verdicts by entry. */
export function kindsOf({ verdicts }: Judgement): Readonly<Record<string, string>> {
  return Object.fromEntries([...verdicts].map(([key, { kind }]) => [key, kind]))
}
