import { randomBytes } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { systemClock } from '../../src/clock.ts'
import { readConfig, type Config } from '../../src/config.ts'
import { createLog } from '../../src/log.ts'
import type { Mutation } from '../../src/mutation.ts'
import { advance, parseKafkaOffset, parseLsn, type KafkaOffset } from '../../src/position.ts'
import { memoryStore } from '../../src/store/memory/memory-store.ts'
import type { Checkpoint, ViewReader, ViewStore } from '../../src/store/store.ts'
import { userInformation } from '../../src/views/user-information.ts'
import { ChainWatch } from '../../src/web/chain-watch.ts'
import { createServer } from '../../src/web/server.ts'
import { put } from '../support/view-layouts.ts'

const partition = { topic: 'millrace.public.users', partition: 0 }

/** A memory store of one partition whose generation serves `mutations` at `watermark`. */
export async function servingStore(
  mutations: readonly Mutation[],
  watermark: string = '16/B374D848',
): Promise<ViewStore> {
  const store = memoryStore(userInformation.layout)
  const generation = await store.coordination.open({ [partition.topic]: 1 })
  const to = checkpointAt(parseKafkaOffset('10'))
  await store.writer.pour({
    generation: generation!.id,
    partition,
    poured: 0,
    to,
    mutations,
    parked: [],
  })
  await moveWatermark(store, watermark)
  return store
}

export async function moveWatermark(store: ViewStore, watermark: string): Promise<void> {
  const generation = await store.writer.generation()
  const ends = new Map([[`${partition.topic}/0`, parseKafkaOffset('10')]])
  const barrier = { lsn: parseLsn(watermark), from: ends, ends, takenAtMs: 0 }
  await store.coordination.advance(generation!.id, barrier)
}

/** Commits `mutations` on top, as a worker would. */
export async function change(store: ViewStore, mutations: readonly Mutation[]): Promise<void> {
  const generation = (await store.writer.generation())!.id
  const found = (await store.writer.checkpoints(generation)).get(`${partition.topic}/0`)!
  const to = checkpointAt(advance(found.next))
  const markBelowZero = { code: 'below-zero', reason: 'no rows explain it', atMs: 0 }
  const none = { parked: [], unparked: [], mark: undefined, markBelowZero }
  await store.writer.commit({ generation, partition, from: found.next, to, mutations, ...none })
}

export function user(
  entry: string,
  fields: Readonly<Record<string, string | null>> = {},
): Mutation {
  return put(entry, { username: `user${entry}`, ...fields })
}

/** A server over `reader`; its watch has not asked the store yet. */
export async function apiOver(
  reader: ViewReader,
  changed: Partial<Config> = {},
): Promise<{ app: FastifyInstance; watch: ChainWatch }> {
  const config = { ...readConfig({}), ...changed }
  const log = createLog('silent', 'api')
  const view = userInformation
  const watch = new ChainWatch({ view: view.name, reader, clock: systemClock, config })
  return { app: await createServer({ view, reader, watch, config, log }), watch }
}

function checkpointAt(next: KafkaOffset): Checkpoint {
  return {
    phase: 'live',
    poured: 1,
    next,
    last: { offset: next, hash: randomBytes(8).toString('hex') },
    windowFrom: next,
    windowAtMs: 0,
    atMs: 0,
    keySchema: 1,
  }
}
