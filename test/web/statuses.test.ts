import type { Config } from '../../src/config.ts'
import { encodeFingerprint, type Fingerprint } from '../../src/coordinate/fingerprint.ts'
import { encodePass, newLap, type PassState } from '../../src/reconcile/pass-state.ts'
import { counted, noStatistics } from '../../src/reconcile/statistics.ts'
import { memoryStore } from '../../src/store/memory/memory-store.ts'
import type { ViewReader } from '../../src/store/reader.ts'
import type { ViewStore } from '../../src/store/store.ts'
import { userInformation } from '../../examples/social/user-information.ts'
import { ServedView } from '../../src/web/served-view.ts'
import { Statuses } from '../../src/web/statuses.ts'
import {
  begunStore,
  complete,
  declare,
  doubt,
  endDoubts,
  handClock,
  later,
  moveWatermark,
  own,
  servingStore,
  stateOf,
  user,
} from './support.ts'

const usual = {
  freshWithinMs: 10_000,
  onDoubt: 'serve',
  statusIntervalMs: 1_000,
  callTimeoutMs: 50,
} satisfies Partial<Config>

/** What is said of a view in `store`, which was asked once. */
async function saidOf(
  store: Pick<ViewStore, 'reader'>,
  { clock = handClock(), ...changed }: Partial<typeof options> = {},
) {
  const { declared, config: given } = { ...options, ...changed }
  const config = { ...usual, ...given }
  const served = new ServedView({ own: declared, clock, config })
  served.use(store)
  await served.poll()
  return { clock, served, statuses: new Statuses({ views: [served], clock, config }) }
}

const options = { clock: handClock(), declared: own, config: {} as Partial<Config> }

/** A store whose status fails while `away()`; reads go through. */
function failing(store: ViewStore, away: () => boolean) {
  return {
    reader: (...args: Parameters<ViewStore['reader']>): ViewReader => {
      const reader = store.reader(...args)
      return Object.assign(Object.create(reader) as ViewReader, {
        read: reader.read.bind(reader),
        status: () => (away() ? Promise.reject(new Error('refused')) : reader.status()),
      })
    },
  }
}

describe('readiness', () => {
  test('waits for the store, and says why it could not be asked', () => {
    const clock = handClock()
    const served = new ServedView({ own, clock, config: usual })
    const statuses = new Statuses({ views: [served], clock, config: usual })
    expect(statuses.readiness()).toMatchObject({
      status: 'unavailable',
      reasons: ['the store has not answered yet'],
    })
    served.failed(new Error('connection refused'))
    expect(statuses.readiness().reasons).toEqual([
      'the store has not answered yet: connection refused',
    ])
  })

  test('waits for a view that nobody has begun', async () => {
    const { statuses } = await saidOf(memoryStore())
    expect(statuses.readiness()).toMatchObject({
      status: 'unavailable',
      reasons: ['the view user-information has not been begun yet'],
    })
  })

  test('waits for a view that is being built', async () => {
    const store = await begunStore()
    await moveWatermark(store, '0/9')
    const { statuses, served } = await saidOf(store)
    expect(statuses.readiness()).toMatchObject({
      status: 'unavailable',
      reasons: ['the view user-information is being built and serves when it is complete'],
    })
    await complete(store)
    await served.poll()
    expect(statuses.readiness()).toMatchObject({ status: 'ready', reasons: [] })
  })

  test('waits for a complete view until it has a watermark, as readers do', async () => {
    const store = await begunStore()
    await complete(store)
    const { statuses, served } = await saidOf(store)
    expect(statuses.readiness().status).toBe('unavailable')
    expect(await served.read(['1'])).toEqual({ kind: 'unavailable', phase: 'building' })
    await moveWatermark(store, '0/9')
    await served.poll()
    expect(statuses.readiness().status).toBe('ready')
  })

  test('waits for a declaration that is not applied, and says what to do', async () => {
    const store = await servingStore([])
    const { statuses, served } = await saidOf(store, { declared: later })
    expect(statuses.readiness()).toMatchObject({
      status: 'unavailable',
      reasons: [expect.stringMatching(/kept by another declaration.*`millrace apply`/)],
    })
    await declare(store, later)
    await complete(store)
    await served.poll()
    expect(statuses.readiness().status).toBe('ready')
  })

  test('stays when nothing moves, in doubt, and when parts stand still', async () => {
    const clock = handClock()
    const store = await servingStore([], undefined, clock)
    const { statuses, served } = await saidOf(store, { clock })
    await doubt(store)
    const problem = { code: 'column-gone', message: 'no column name', hint: 'Add it', sinceMs: 0 }
    await store.writer(userInformation.layout).report('millrace.public.users/0', problem)
    clock.passMs(3_600_000)
    await served.poll()
    expect(statuses.readiness()).toMatchObject({ status: 'ready', reasons: [] })
    expect(statuses.status()).toMatchObject({ status: 'degraded', views: [{ ageMs: 3_600_000 }] })
  })

  test('ends in doubt where readers are refused then, until the doubt has ended', async () => {
    const store = await servingStore([])
    await doubt(store)
    const { statuses, served } = await saidOf(store, { config: { onDoubt: 'refuse' } })
    expect(statuses.readiness()).toMatchObject({
      status: 'unavailable',
      reasons: ['entries of the view user-information may be wrong: likes was rewritten'],
    })
    expect(statuses.status()).toMatchObject({ status: 'unavailable', reasons: [expect.anything()] })
    await endDoubts(store)
    await served.poll()
    expect(statuses.readiness().status).toBe('ready')
  })

  test('ends when polls fail and nothing was read for three intervals', async () => {
    let away = false
    const store = failing(await servingStore([user('1')]), () => away)
    const { statuses, served, clock } = await saidOf(store)
    away = true
    clock.passMs(3_000)
    await served.poll()
    expect(statuses.readiness().status).toBe('ready')
    clock.passMs(500)
    await served.poll()
    expect(statuses.readiness()).toMatchObject({
      status: 'unavailable',
      reasons: ['the store has not answered for 3500 ms: refused'],
    })
    await served.read(['1'])
    expect(statuses.readiness().status).toBe('ready')
  })

  test('stays while a poll takes long and has not failed', async () => {
    const { statuses, clock } = await saidOf(await servingStore([]))
    clock.passMs(4_500)
    expect(statuses.readiness().status).toBe('ready')
  })
})

describe('freshness', () => {
  test('ends when the watermark is as old as the bound, also while nobody asks the store', async () => {
    const clock = handClock()
    const store = await servingStore([], undefined, clock)
    const { statuses, served } = await saidOf(store, { clock })
    clock.passMs(9_999)
    expect(statuses.freshness()).toEqual({
      status: 'fresh',
      reasons: [],
      freshWithinMs: 10_000,
      views: [
        { name: 'user-information', status: 'fresh', watermark: '16/B374D848', ageMs: 9_999 },
      ],
    })
    clock.passMs(1)
    expect(statuses.freshness()).toMatchObject({
      status: 'stale',
      reasons: [expect.stringContaining('10000 ms ago')],
      views: [{ ageMs: 10_000 }],
    })
    await moveWatermark(store, '17/0', 2_500)
    await served.poll()
    expect(statuses.freshness()).toMatchObject({ status: 'fresh', views: [{ ageMs: 2_500 }] })
  })

  test('goes by every view', async () => {
    const clock = handClock()
    const one = await saidOf(await servingStore([], undefined, clock), { clock })
    clock.passMs(20_000)
    const other = await saidOf(await servingStore([], undefined, clock), { clock })
    const views = [other.served, one.served]
    const statuses = new Statuses({ views, clock, config: usual })
    expect(statuses.freshness()).toMatchObject({
      status: 'stale',
      reasons: [expect.any(String)],
      views: [
        { status: 'fresh', ageMs: 0 },
        { status: 'stale', ageMs: 20_000 },
      ],
    })
  })

  test('is none where the view does not serve, or the store is away', async () => {
    const begun = await begunStore()
    await moveWatermark(begun, '0/9')
    for (const store of [begun, memoryStore(), failing(begun, () => true)]) {
      expect((await saidOf(store)).statuses.freshness()).toMatchObject({
        status: 'stale',
        reasons: [expect.any(String)],
      })
    }
  })

  test('says nothing of doubts', async () => {
    const store = await servingStore([])
    await doubt(store)
    const { statuses } = await saidOf(store, { config: { onDoubt: 'refuse' } })
    expect(statuses.freshness()).toMatchObject({ status: 'fresh', reasons: [] })
  })
})

describe('status', () => {
  test('of a view that serves and is fresh is ready, whatever is kept aside', async () => {
    const store = await servingStore([])
    await declare(store, later)
    const { epoch } = await stateOf(store)
    expect((await saidOf(store)).statuses.status()).toEqual({
      status: 'ready',
      reasons: [],
      views: [
        {
          name: 'user-information',
          phase: 'serving',
          declarations: [
            { id: own.id, complete: true, own: true },
            { id: later.id, complete: false, own: false },
          ],
          epoch,
          watermark: '16/B374D848',
          ageMs: expect.any(Number),
          doubts: [],
          pass: null,
          looks: null,
          parked: 0,
          problems: [],
          slot: null,
          keptFrom: null,
          evicted: 0,
          askedMsAgo: 0,
        },
      ],
    })
  })

  test.each([
    ['extended', 'ready'],
    ['unreserved', 'degraded'],
    ['lost', 'degraded'],
  ])('shows a slot whose log is %s, and is %s then', async (walStatus, expected) => {
    const store = await servingStore([])
    const slot = { active: false, walStatus, walBytes: 9_000 }
    await observe(store, { ...slot, atMs: Date.parse('2024-02-03T04:05:06Z') })
    const { status, views, reasons } = (await saidOf(store)).statuses.status()
    expect(status).toBe(expected)
    expect(views[0]!.slot).toEqual({ ...slot, seen: '2024-02-03T04:05:06.000Z' })
    expect(reasons.filter((reason) => reason.includes(walStatus))).toHaveLength(
      expected === 'ready' ? 0 : 1,
    )
  })

  test('of a store that never answered tells nothing of the view', () => {
    const clock = handClock()
    const served = new ServedView({ own, clock, config: usual })
    const statuses = new Statuses({ views: [served], clock, config: usual })
    expect(statuses.status()).toMatchObject({
      status: 'unavailable',
      views: [{ phase: 'unknown', watermark: null, ageMs: null, parked: null, askedMsAgo: null }],
    })
  })

  test('is degraded by a doubt, and says which, what to do, and since when', async () => {
    const store = await servingStore([], undefined, handClock())
    await doubt(store)
    expect((await saidOf(store)).statuses.status()).toMatchObject({
      status: 'degraded',
      reasons: ['entries of the view user-information may be wrong: likes was rewritten'],
      views: [
        {
          doubts: [
            {
              code: 'table-rewritten',
              reason: 'likes was rewritten',
              hint: 'Nothing has to be done',
              since: '1970-01-01T00:00:05.000Z',
              tables: ['likes'],
            },
          ],
        },
      ],
    })
  })

  test('is degraded by what stands still, until it moves again', async () => {
    const store = await servingStore([])
    const writer = store.writer(userInformation.layout)
    const problem = { code: 'connector-failed', message: 'no slot', hint: undefined, sinceMs: 0 }
    await writer.report('connector', problem)
    const { statuses, served } = await saidOf(store)
    expect(statuses.status()).toMatchObject({
      status: 'degraded',
      reasons: ['connector stands still: no slot'],
      views: [
        {
          problems: [
            {
              place: 'connector',
              code: 'connector-failed',
              message: 'no slot',
              hint: null,
              since: '1970-01-01T00:00:00.000Z',
            },
          ],
        },
      ],
    })
    await writer.report('connector', undefined)
    await served.poll()
    expect(statuses.status()).toMatchObject({ status: 'ready', reasons: [] })
  })

  test('is degraded by a watermark that is older than promised', async () => {
    const { statuses, clock } = await saidOf(await servingStore([]))
    clock.passMs(10_001)
    expect(statuses.status()).toMatchObject({
      status: 'degraded',
      reasons: [expect.stringContaining('promised to have it within 10000 ms')],
    })
  })

  test('tells how far the pass is, and what looks have found', async () => {
    const [store, clock] = [await servingStore([]), handClock()]
    const state = await stateOf(store)
    const wrong = { key: '7', field: 'tweetCount', expected: '3', found: '4', healed: true }
    const name = { key: '7', field: 'name', expected: 'Ada', found: null, healed: false }
    const found = { looks: 2, entries: 1_000, wrong: [wrong, name] }
    const pass: PassState = {
      ...newLap(undefined, 'steady', state, 4_000),
      section: 'store',
      entries: 17,
      unproved: ['likes'],
      ended: { kind: 'doubt', atMs: 2_000, tookMs: 900, entries: 500, unproved: [] },
      statistics: counted(noStatistics, found, 4_500),
    }
    await complete(store, encodePass(pass))
    const [view] = (await saidOf(store, { clock })).statuses.status().views
    expect(view!.pass).toEqual({
      lap: 1,
      kind: 'steady',
      section: 'store',
      entries: 17,
      started: '1970-01-01T00:00:04.000Z',
      unproved: ['likes'],
      last: {
        kind: 'doubt',
        ended: '1970-01-01T00:00:02.000Z',
        ageMs: 3_000,
        tookMs: 900,
        entries: 500,
        unproved: [],
      },
    })
    expect(view!.looks).toEqual({
      looks: 2,
      entries: 1_000,
      wrong: 1,
      healed: 1,
      letGo: 0,
      nines: { hour: 3, day: 3 },
      latest: [
        { ...wrong, at: '1970-01-01T00:00:04.500Z' },
        {
          ...name,
          expected: expect.stringMatching(/^sha256:[0-9a-f]{16}$/),
          at: '1970-01-01T00:00:04.500Z',
        },
      ],
    })
    clock.passMs(2 * 3_600_000)
    const [after] = (await saidOf(store, { clock })).statuses.status().views
    expect(after!.looks!.nines).toEqual({ hour: null, day: 3 })
  })
})

/** Writes a fingerprint down in which the slot is as given. */
async function observe(store: ViewStore, slotState: Fingerprint['slotState']): Promise<void> {
  const { epoch, fingerprint: before } = await stateOf(store)
  const after = encodeFingerprint({
    history: '7/1',
    tables: {},
    publication: {},
    slot: {},
    connector: { hash: '', placeholder: '' },
    evicted: 0,
    topics: {},
    slotState,
  })
  expect(await store.coordination.observe({ epoch, before, after, doubts: [] })).toBe(true)
}
