import type { FastifyInstance } from 'fastify'
import { systemClock, type Clock } from '../../src/clock.ts'
import { readConfig, type Config } from '../../src/config.ts'
import { keptDeclaration, ownView, servedView } from '../../src/coordinate/view-plan.ts'
import { createLog, type Log } from '../../src/log.ts'
import type { Mutation } from '../../src/mutation.ts'
import { advance, parseKafkaOffset, parseLsn } from '../../src/position.ts'
import { memoryStore } from '../../src/store/memory/memory-store.ts'
import type { Barrier, Checkpoint, Doubt, ViewState } from '../../src/store/state.ts'
import type { ViewStore } from '../../src/store/store.ts'
import { parseSnapshot, parseTransactionId } from '../../src/transaction.ts'
import { countOf, defineView, from } from '../../src/view/define-view.ts'
import { userInformation } from '../../examples/social/user-information.ts'
import { ServedView } from '../../src/web/served-view.ts'
import { createServer } from '../../src/web/server.ts'
import { Statuses } from '../../src/web/statuses.ts'
import { put } from '../support/view-layouts.ts'

const partition = { topic: 'millrace.public.users', partition: 0 }
const place = `${partition.topic}/0`
const silent = createLog('silent', 'api')

export const own = ownView(userInformation)

/** The same view as a later release declares it: `likeCount` means something else there. */
export const later = ownView(
  defineView({
    name: 'user-information',
    serve: '/users/:userId',
    key: { userId: 'bigint' },
    row: from('users', { key: 'user_id', fields: { username: 'username' } }),
    aggregates: { likeCount: countOf('likes', { by: 'liked_user_id' }) },
  }),
)

/** A clock that stands still until it is told to go on. */
export type HandClock = Clock & { passMs(ms: number): void }

export function handClock(): HandClock {
  let nowMs = 5_000
  return {
    wallMs: () => nowMs,
    monotonicMs: () => nowMs,
    sleep: () => Promise.resolve(),
    passMs: (ms) => void (nowMs += ms),
  }
}

/** A memory store of one partition whose view was begun with `declared`, and is not complete. */
export async function begunStore(clock?: Clock, declared = own): Promise<ViewStore> {
  const store = memoryStore(clock)
  await store.coordination.open({
    declaration: keptDeclaration(declared, { declarations: [] }),
    topics: { [partition.topic]: 1 },
    checkpoints: new Map([[place, checkpointAt('10')]]),
    fingerprint: '{}',
    barrier: barrierAt('0/1', 1),
  })
  return store
}

/** The same, complete, with what these mutations leave, at `watermark`. */
export async function servingStore(
  mutations: readonly Mutation[],
  watermark: string = '16/B374D848',
  clock?: Clock,
  declared = own,
): Promise<ViewStore> {
  const store = await begunStore(clock, declared)
  await change(store, mutations, declared)
  await complete(store)
  await moveWatermark(store, watermark)
  return store
}

export async function stateOf(store: ViewStore): Promise<ViewState> {
  return (await store.watchable.state())!
}

/** What the store calls a counter of `declared`. */
export async function storedCount(store: ViewStore, declared: typeof own, name: string) {
  const { counts } = servedView(declared, await stateOf(store))
  return counts.find((count) => count.name === name)!.stored
}

/** Every declaration that lies in the store is complete from now on. */
export async function complete(store: ViewStore, pass?: string): Promise<void> {
  const { epoch, pass: before, declarations } = await stateOf(store)
  const completed = declarations.map(({ id }) => id)
  const after = pass ?? before ?? 'none yet'
  await audit(store).progress({ epoch, before, after, ended: [], completed })
}

/** Ends every doubt, as a pass does. */
export async function endDoubts(store: ViewStore): Promise<void> {
  const { epoch, pass: before, doubts } = await stateOf(store)
  const ended = doubts.map(({ id }) => id)
  await audit(store).progress({ epoch, before, after: 'ended', ended, completed: [] })
}

/** Brings another declaration in, or takes all but it out. */
export async function declare(store: ViewStore, declared: typeof own, alone = false) {
  const { epoch, declarations, topics, doubts } = await stateOf(store)
  const others = declarations.filter(({ id }) => id !== declared.id)
  const kept =
    declarations.find(({ id }) => id === declared.id) ?? keptDeclaration(declared, { declarations })
  const turn = { epoch, topics, restarts: [], offsets: new Map(), doubts }
  await store.coordination.turn({ ...turn, declarations: alone ? [kept] : [...others, kept] })
}

export async function moveWatermark(store: ViewStore, watermark: string, agoMs = 0): Promise<void> {
  const { epoch, barrier } = await stateOf(store)
  await store.coordination.advance(epoch, barrierAt(watermark, barrier!.number + 1), agoMs)
}

/** Commits `mutations` on top, as a worker would; names are those of `declared` in the store. */
export async function change(
  store: ViewStore,
  mutations: readonly Mutation[],
  declared = own,
): Promise<void> {
  const state = await stateOf(store)
  const { epoch } = state
  const writer = store.writer(servedView(declared, state).layout)
  const { next: at } = (await writer.checkpoints(epoch)).get(place)!
  const to = { ...checkpointAt('0'), next: advance(at) }
  await writer.commit({ epoch, partition, from: at, to, mutations, parked: [], doubts: [] })
}

export async function doubt(store: ViewStore, given: Partial<Doubt> = {}): Promise<void> {
  const { epoch } = await stateOf(store)
  await store.writer(userInformation.layout).raise(epoch, {
    name: given.code ?? 'table-rewritten',
    code: 'table-rewritten',
    reason: 'likes was rewritten',
    hint: 'Nothing has to be done',
    tables: ['likes'],
    keys: [],
    offsets: new Map(),
    barrier: 0,
    restart: undefined,
    ...given,
  })
}

export function user(
  entry: string,
  fields: Readonly<Record<string, string | null>> = {},
): Mutation {
  return put(entry, { username: `user${entry}`, ...fields })
}

export type ApiOptions = {
  readonly config?: Partial<Config>
  readonly clock?: Clock
  readonly declared?: typeof own
  readonly log?: Log
}

/** A server over `store`, which it has asked once. */
export async function apiOver(
  store: Pick<ViewStore, 'reader'>,
  { declared = own, ...options }: ApiOptions = {},
): Promise<{ app: FastifyInstance; served: ServedView }> {
  const { app, served } = await apiOfViews([{ declared, store }], options)
  return { app, served: served[0]! }
}

/** A server of several views, each in a store of its own, which it has asked once. */
export async function apiOfViews(
  views: readonly { readonly declared: typeof own; readonly store: Pick<ViewStore, 'reader'> }[],
  { config: changed = {}, clock = systemClock, log = silent }: Omit<ApiOptions, 'declared'> = {},
): Promise<{ app: FastifyInstance; served: readonly ServedView[] }> {
  const config = { ...readConfig({}), ...changed }
  const served = views.map(({ declared }) => new ServedView({ own: declared, clock, config }))
  const statuses = new Statuses({ views: served, clock, config })
  const app = await createServer({ served, statuses, config, log })
  for (const [at, each] of served.entries()) {
    each.use(views[at]!.store)
    await each.poll()
  }
  return { app, served }
}

function audit(store: ViewStore) {
  return store.audit(userInformation.layout)
}

function checkpointAt(next: string): Checkpoint {
  const at = parseKafkaOffset(next)
  return { next: at, last: undefined, windowFrom: at, keySchema: undefined }
}

function barrierAt(lsn: string, number: number): Barrier {
  const ends = new Map([[place, parseKafkaOffset('10')]])
  return {
    number,
    lsn: parseLsn(lsn),
    transaction: parseTransactionId('7'),
    snapshot: parseSnapshot('7:7:'),
    history: '1/1',
    from: ends,
    ends,
    takenAtMs: 0,
  }
}
