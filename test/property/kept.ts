/** Views in stores, kept from records as a worker keeps them: decoded, drafted, committed. */
import { draft, type DecodedRecord } from '../../src/batch.ts'
import { systemClock } from '../../src/clock.ts'
import { IdentityWindow } from '../../src/consume/identity-window.ts'
import { decoder } from '../../src/decode/decoder.ts'
import { advance, parseKafkaOffset, topicPartitionName } from '../../src/position.ts'
import { chunks } from '../../src/reconcile/lists.ts'
import { limits } from '../../src/store/limits.ts'
import type { Checkpoint, Epoch } from '../../src/store/state.ts'
import type { ViewStore } from '../../src/store/store.ts'
import { canonicalTable } from '../../src/table-name.ts'
import { declarationId, encodeView } from '../../src/view/declarations.ts'
import { tablesOf, type View } from '../../src/view/view.ts'
import { aBarrier, everyKey, texts } from '../store/store-fixture.ts'
import { placeholder } from '../support/builders.ts'
import type { Captured } from './captured-log.ts'
import type { Entries } from './expected.ts'
import { nameOf } from './plan.ts'

const start = parseKafkaOffset('0')
const begun: Checkpoint = { next: start, last: undefined, windowFrom: start, keySchema: undefined }

/** Records of one commit. */
const batchRecords = 7

/** Undefined where no entries are let go, else the bound in seconds. */
export type Bound = number | undefined

export async function keep(
  view: View,
  store: ViewStore,
  { log, bound }: { readonly log: Captured; readonly bound: Bound },
): Promise<Entries> {
  const epoch = await begin(view, store, bound)
  const writer = store.writer(view.layout)
  for (const [table, records] of log.records) {
    const name = canonicalTable(nameOf(table))
    if (!tablesOf(view).includes(name)) continue
    const decode = decoder({
      view,
      table: name,
      topic: name,
      placeholder,
      registry: log.registry,
      clock: systemClock,
      unknownSchemaMs: 0,
    })
    const partition = partitionOf(name)
    const identities = new IdentityWindow(100_000)
    const known = { barriers: () => [], keepFrom: () => bound }
    const parts = { view, table: name, epoch, partition, identities, ...known }
    let at = begun
    for (let from = 0; from < records.length; from += batchRecords) {
      const batch: DecodedRecord[] = []
      for (const record of records.slice(from, from + batchRecords)) {
        const decoded = await decode.decode(record)
        batch.push({ record, decoded, keySchema: decode.keySchemaId(record) })
      }
      const next = advance(batch.at(-1)!.record.offset)
      const { commit, taken } = draft(parts, at, { records: batch, next, nowMs: 0 })
      const { doubts, parked } = commit
      if (doubts.length + parked.length > 0 || taken < batch.length) {
        throw new Error(
          `not everything can be applied: ${doubts.map(({ reason }) => reason).join()}`,
        )
      }
      const result = await writer.commit(commit)
      if (result.kind !== 'applied') throw new Error(`${store.name} has another checkpoint`)
      at = commit.to
    }
  }
  return entriesOf(view, store)
}

function partitionOf(table: string) {
  // What a topic's name can't hold is of no matter here, but a slash.
  return { topic: table.replaceAll('/', '_'), partition: 0 }
}

async function begin(view: View, store: ViewStore, bound: Bound): Promise<Epoch> {
  const topics = tablesOf(view).map(partitionOf)
  const offsets = new Map(topics.map((topic) => [topicPartitionName(topic), start]))
  const barrier = aBarrier('0/1', 0, { number: 1, from: offsets, ends: offsets })
  const epoch = await store.coordination.open({
    declaration: { id: declarationId(view), declaration: encodeView(view), complete: true },
    topics: Object.fromEntries(topics.map(({ topic }) => [topic, 1])),
    checkpoints: new Map([...offsets.keys()].map((name) => [name, begun])),
    fingerprint: '{}',
    barrier,
    keepFrom: bound,
  })
  if (epoch === undefined) throw new Error(`${store.name} has a view ${view.name} already`)
  return epoch
}

/** Everything that the store has of the view, by key. */
export async function entriesOf(view: View, store: ViewStore): Promise<Entries> {
  const { layout } = view
  const found = new Map<string, string>()
  for (const page of chunks([...(await everyKey(store, layout))], limits.lookKeysMax)) {
    for (const [index, text] of (await texts(store, page, layout)).entries()) {
      found.set(page[index]!, text)
    }
  }
  return found
}
