/** A view in the memory store, kept by the fold that a worker keeps it by. */
import type { StreamedChange } from '../change.ts'
import type { Entry, Mutation } from '../mutation.ts'
import { advance, parseKafkaOffset, parseLsn, topicPartitionName } from '../position.ts'
import { limits } from '../store/limits.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import type { Barrier, Epoch } from '../store/state.ts'
import type { ViewStore } from '../store/store.ts'
import { parseSnapshot, parseTransactionId } from '../transaction.ts'
import { consolidator } from '../view/consolidate.ts'
import { declarationId, encodeView } from '../view/declarations.ts'
import { fold } from '../view/fold.ts'
import type { View } from '../view/view.ts'

const partition = { topic: 'test', partition: 0 }
const start = parseKafkaOffset('0')
const checkpoint = { last: undefined, windowFrom: start, keySchema: undefined }

export class KeptView {
  readonly #view: View
  readonly #id: string
  readonly #store: ViewStore = memoryStore()
  readonly #batch = consolidator()
  #opened: Promise<Epoch> | undefined
  #next = start

  constructor(view: View) {
    this.#view = view
    this.#id = declarationId(view)
  }

  /** Throws where the source does not tell what the view needs of the change. */
  contributionsOf(change: StreamedChange): readonly Mutation[] {
    const folded = fold(this.#view, change)
    if (folded.kind === 'contributions') return folded.contributions
    throw new Error(
      `${folded.reason}. In a running view that is a doubt, until all entries were compared: ` +
        `alter table ${change.table} replica identity full`,
    )
  }

  /** Applied with the next read. */
  take(contributions: readonly Mutation[]): void {
    this.#batch.add(contributions)
  }

  /** In the order asked; null where readers find nothing. */
  async read(keys: readonly string[]): Promise<readonly (Entry | null)[]> {
    await this.#commit()
    const reader = this.#store.reader(this.#view.layout, this.#id)
    const found: (Entry | null)[] = []
    for (let at = 0; at < keys.length; at += limits.readKeysMax) {
      const answer = await reader.read(keys.slice(at, at + limits.readKeysMax))
      if (answer.kind !== 'serving') throw new Error(`the memory store is ${answer.phase}`)
      found.push(...answer.entries)
    }
    return found
  }

  /** Everything that is kept, by key, as `entry-text.ts` writes it: counts without a row, too. */
  async texts(): Promise<ReadonlyMap<string, string>> {
    const epoch = await this.#commit()
    const audit = this.#store.audit(this.#view.layout)
    const keys = await this.keys()
    const texts = new Map<string, string>()
    for (let at = 0; at < keys.length; at += limits.lookKeysMax) {
      const page = keys.slice(at, at + limits.lookKeysMax)
      const answer = await audit.look({ epoch, keys: page, ticket: undefined })
      if (answer.kind !== 'entries') throw new Error('the memory store has another epoch')
      for (const [index, key] of page.entries()) texts.set(key, answer.texts[index]!)
    }
    return texts
  }

  /** In order. */
  async keys(): Promise<readonly string[]> {
    await this.#commit()
    const audit = this.#store.audit(this.#view.layout)
    const keys: string[] = []
    let cursor: string | undefined
    do {
      const page = await audit.scan(cursor)
      keys.push(...page.keys)
      cursor = page.cursor
    } while (cursor !== undefined)
    return keys
  }

  async #commit(): Promise<Epoch> {
    // Before anything is awaited: what is fed from here on belongs to a later read.
    const mutations = this.#batch.take()
    this.#opened ??= this.#open()
    const epoch = await this.#opened
    const writer = this.#store.writer(this.#view.layout)
    for (let at = 0; at < mutations.length; at += limits.mutationsMax) {
      const from = this.#next
      this.#next = advance(from)
      const result = await writer.commit({
        epoch,
        partition,
        from,
        to: { ...checkpoint, next: this.#next },
        mutations: mutations.slice(at, at + limits.mutationsMax),
        parked: [],
        doubts: [],
      })
      if (result.kind !== 'applied') throw new Error('the memory store has another checkpoint')
    }
    return epoch
  }

  async #open(): Promise<Epoch> {
    const place = topicPartitionName(partition)
    const declaration = { id: this.#id, declaration: encodeView(this.#view), complete: true }
    const offsets = new Map([[place, start]])
    const barrier: Barrier = {
      number: 1,
      lsn: parseLsn('0/1'),
      transaction: parseTransactionId('1'),
      snapshot: parseSnapshot('2:2:'),
      history: 'test',
      from: offsets,
      ends: offsets,
      takenAtMs: 0,
    }
    const epoch = await this.#store.coordination.open({
      declaration,
      topics: { [partition.topic]: 1 },
      checkpoints: new Map([[place, { ...checkpoint, next: start }]]),
      fingerprint: '{}',
      barrier,
    })
    await this.#store.coordination.advance(epoch!, barrier, 0)
    return epoch!
  }
}
