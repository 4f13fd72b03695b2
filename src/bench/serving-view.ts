import type { Log } from '../log.ts'
import type { Mutation, ViewLayout } from '../mutation.ts'
import { parseKafkaOffset, parseLsn, parseTopicPartition } from '../position.ts'
import type { ViewReader } from '../store/reader.ts'
import { openRedisStore } from '../store/redis/redis-store.ts'
import type { Barrier, Checkpoint } from '../store/state.ts'
import { parseSnapshot, parseTransactionId } from '../transaction.ts'

/** A view of the benchmark's own that serves what the benchmark itself writes. */
export type ServingView = {
  readonly reader: ViewReader
  /** One commit, as a worker makes it of a batch. */
  readonly write: (mutations: readonly Mutation[]) => Promise<void>
  readonly close: () => Promise<void>
}

const served = 'bench'
const partition = parseTopicPartition('bench/0')
const barrier: Barrier = {
  number: 1,
  lsn: parseLsn('0/1'),
  transaction: parseTransactionId('1'),
  snapshot: parseSnapshot('1:1:'),
  history: 'bench',
  from: new Map(),
  ends: new Map([['bench/0', parseKafkaOffset('0')]]),
  takenAtMs: 0,
}

/** `url` is that of an administrator of Redis. */
export async function openServing(
  layout: ViewLayout,
  { url, log }: { readonly url: string; readonly log: Log },
): Promise<ServingView> {
  const store = await openRedisStore({ url, callTimeoutMs: 30_000, log, view: layout })
  const { coordination } = store
  const epoch = await coordination.open({
    declaration: { id: served, declaration: '{}', complete: true },
    topics: { bench: 1 },
    checkpoints: new Map([['bench/0', checkpointAt(0)]]),
    fingerprint: '{}',
    barrier,
  })
  if (epoch !== undefined) await coordination.advance(epoch, barrier, 0)
  const writer = store.writer(layout)
  let commits = 0
  return {
    reader: store.reader(layout, served),
    write: async (mutations) => {
      const [from, to] = [checkpointAt(commits).next, checkpointAt(commits + 1)]
      const rest = { parked: [], doubts: [] }
      const { kind } = await writer.commit({
        epoch: epoch!,
        partition,
        from,
        to,
        mutations,
        ...rest,
      })
      if (kind !== 'applied') throw new Error(`bench: the commit answered ${kind}`)
      commits += 1
    },
    close: () => store.close(),
  }
}

function checkpointAt(next: number): Checkpoint {
  return {
    next: parseKafkaOffset(String(next)),
    last: undefined,
    windowFrom: parseKafkaOffset('0'),
    keySchema: undefined,
  }
}
