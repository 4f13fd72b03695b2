import type { TopicDescription } from '../../src/consume/change-source.ts'
import { decodeFingerprint, encodeFingerprint } from '../../src/coordinate/fingerprint.ts'
import { SetupWatch } from '../../src/coordinate/setup-watch.ts'
import { lsnFromInteger } from '../../src/position.ts'
import { MillraceError } from '../../src/errors.ts'
import type { ViewState } from '../../src/store/state.ts'
import { aDoubt } from '../store/store-fixture.ts'
import { World } from './coordination-fixture.ts'

let world: World
let watch: SetupWatch

beforeEach(async () => {
  world = new World()
  await world.begin()
  watch = new SetupWatch(world.parts)
})

/** One look at the present state; answers how the state is then. */
async function look(): Promise<ViewState> {
  await watch.look(await world.state())
  return world.state()
}

/** Doubts by name, with the barrier that they need. */
const named = ({ doubts }: ViewState) => doubts.map(({ name, barrier }) => [name, barrier])
const codes = ({ doubts }: ViewState) => doubts.map(({ code }) => code)
const asks = () => world.outside.asked.filter((each) => each === 'faults').length
const alter = (publication: object) => {
  world.outside.setup = { ...world.outside.setup, publication }
}
const fault = (table: string | undefined, mend?: string) => ({ table, what: 'is wrong', mend })

test('a set-up that is as it was changes nothing', async () => {
  const before = await world.state()
  expect(await look()).toEqual(before)
})

test('a set-up that was altered is a doubt, and is written down', async () => {
  alter({ oid: 5 })
  const state = await look()
  expect(named(state)).toEqual([['publication-altered', 3]])
  expect(state.fingerprint).toBe(await world.fingerprint())
  expect(world.recorded.lines).toMatchObject([{ level: 'error', code: 'publication-altered' }])
  expect(named(await look())).toEqual([['publication-altered', 3]])
  expect(world.recorded.lines).toHaveLength(1)
})

test('a doubt needs a barrier that nobody has begun before the look', async () => {
  await world.publish(world.barrier(6, 10))
  const { look: lookAt } = world.setup
  world.setup.look = async (view) => {
    const found = await lookAt.call(world.setup, view)
    await world.publish(world.barrier(7, 10))
    return found
  }
  alter({ oid: 5 })
  expect(named(await look())).toEqual([['publication-altered', 8]])
})

test('a table in doubt is named with the topic that its changes are in', async () => {
  const topic = 't.public.books'
  const { topics } = world.outside
  world.outside.topics = { ...topics, [topic]: { ...topics[topic]!, id: 'another' } }
  const { doubts } = await look()
  expect(doubts).toMatchObject([{ name: `another-log ${topic}`, tables: ['books'] }])
})

describe('a topic that is not there for a while', () => {
  const topic = 't.public.books'
  const withTopic = (given: object) => {
    const { topics } = world.outside
    world.outside.topics = { ...topics, [topic]: { ...described, ...given } }
  }
  let described: TopicDescription

  beforeEach(() => {
    described = world.outside.topics[topic]!
  })

  async function away(looks = 1): Promise<ViewState> {
    const { [topic]: _, ...others } = world.outside.topics
    world.outside.topics = others
    for (let count = 1; count < looks; count += 1) await look()
    return look()
  }

  test('is a doubt at once, and compared with what it was when it is back', async () => {
    const { doubts } = await away(3)
    expect(doubts).toMatchObject([{ code: 'source-unfit', tables: ['books'] }])
    withTopic({ id: 'another', partitions: 8 })
    const back = await look()
    expect(back.doubts).toMatchObject([
      {
        name: `another-log ${topic}`,
        tables: ['books'],
        restart: { how: 'anew', partitions: expect.arrayContaining([`${topic}/7`]) },
      },
      { code: 'source-was-unfit' },
    ])
    const { topics: known } = decodeFingerprint(back.fingerprint!)
    expect(known).toEqual(world.outside.topics)
    expect(codes(await look())).toEqual(['another-log', 'source-was-unfit'])
  })

  test('and comes back as it was is nothing but that', async () => {
    const before = await world.state()
    await away()
    withTopic({})
    const back = await look()
    expect(codes(back)).toEqual(['source-was-unfit'])
    expect(back.fingerprint).toBe(before.fingerprint)
  })

  test('is not compared with anything once no declaration needs it', async () => {
    await away()
    world.setup.topics = () => Object.keys(world.outside.topics)
    const { fingerprint } = await look()
    expect(Object.keys(decodeFingerprint(fingerprint!).topics)).not.toContain(topic)
  })

  test('and that nobody has described is one where other partitions are applied', async () => {
    const { state } = world.data
    const { topics: known, ...rest } = decodeFingerprint(state!.fingerprint!)
    const { [topic]: _, ...others } = known
    const fingerprint = encodeFingerprint({ ...rest, topics: others })
    world.data.state = { ...state!, fingerprint }
    expect((await look()).doubts).toEqual([])
    world.data.state = { ...state!, fingerprint }
    withTopic({ id: 'another', partitions: 8 })
    expect((await look()).doubts).toMatchObject([
      {
        name: `partitions-changed ${topic}`,
        reason: `topic ${topic} has 8 partitions, it had 1`,
        restart: { how: 'forward', partitions: expect.arrayContaining([`${topic}/7`]) },
      },
    ])
  })
})

describe('partitions that the view does not apply', () => {
  const topic = 't.public.books'

  test.each([
    ['more than that', { [topic]: 3 }],
    ['none', {}],
  ])('of a topic of which it applies %s are a doubt, until it does', async (_, given) => {
    const before = world.data.state!
    const { [topic]: __, ...others } = before.topics
    world.data.state = { ...before, topics: { ...others, ...given } }
    const first = await look()
    expect(first.doubts).toMatchObject([
      {
        name: `partitions-changed ${topic}`,
        tables: ['books'],
        restart: { how: 'forward', partitions: [`${topic}/0`] },
      },
    ])
    expect((await look()).doubts).toEqual(first.doubts)
    world.data.state = { ...world.data.state, topics: before.topics, doubts: [] }
    expect((await look()).doubts).toEqual([])
  })

  test('are no second doubt where the topic is known to be another one', async () => {
    const { topics: described } = world.outside
    const another = { ...described[topic]!, id: 'another', partitions: 2 }
    world.outside.topics = { ...described, [topic]: another }
    expect(codes(await look())).toEqual(['another-log'])
    expect(codes(await look())).toEqual(['another-log'])
  })
})

test('a view whose set-up was never looked at gets its fingerprint without a doubt', async () => {
  world.data.state = { ...world.data.state!, fingerprint: undefined }
  alter({ oid: 5 })
  const state = await look()
  expect(state.doubts).toEqual([])
  expect(state.fingerprint).toBe(await world.fingerprint())
})

test('a state that is old by now is not altered', async () => {
  const old = await world.state()
  alter({ oid: 5 })
  const first = await look()
  alter({ oid: 6 })
  await watch.look(old)
  expect(await world.state()).toEqual(first)
  expect(world.recorded.lines).toHaveLength(1)
})

describe('faults of the set-up', () => {
  test('are asked for now and then, and whenever anything was altered', async () => {
    await look()
    expect(asks()).toBe(1)
    await world.clock.advance(29_999)
    await look()
    expect(asks()).toBe(1)
    await world.clock.advance(1)
    await look()
    expect(asks()).toBe(2)
    await look()
    expect(asks()).toBe(2)
    alter({ oid: 5 })
    await look()
    expect(asks()).toBe(3)
  })

  test('are a doubt about their tables, raised again at each look', async () => {
    world.outside.faults = [fault('books', 'alter table books;'), fault('books'), fault('prizes')]
    const { doubts } = await look()
    expect(doubts).toMatchObject([
      {
        name: 'source-unfit',
        code: 'source-unfit',
        reason: 'the set-up does not fit view library: is wrong; is wrong; is wrong',
        hint: 'Run: alter table books;',
        tables: ['books', 'prizes'],
        barrier: 3,
        restart: undefined,
      },
    ])
    const [again] = (await look()).doubts
    expect(again!.id).not.toBe(doubts[0]!.id)
    expect(asks()).toBe(2)
    expect(world.recorded.lines).toHaveLength(1)
  })

  test('that are others now are told of', async () => {
    world.outside.faults = [fault('books')]
    await look()
    world.outside.faults = [fault('books'), fault('prizes')]
    await look()
    expect(world.recorded.lines).toHaveLength(2)
  })

  test('are a doubt about everything where one is of no table', async () => {
    world.outside.faults = [fault('books'), fault(undefined)]
    expect((await look()).doubts).toMatchObject([{ tables: [] }])
  })

  test('that are mended leave a doubt in their place, which looks can end', async () => {
    world.outside.faults = [fault('books')]
    const [unfit] = (await look()).doubts
    world.outside.faults = []
    await world.publish(world.barrier(4, 10))
    const { doubts } = await look()
    expect(doubts).toEqual([
      {
        ...unfit,
        id: expect.not.stringMatching(unfit!.id),
        code: 'source-was-unfit',
        reason: `until now, ${unfit!.reason}`,
        barrier: 6,
        tables: ['books'],
      },
    ])
    expect((await look()).doubts).toEqual(doubts)
  })

  test('stand beside the doubts of what was altered', async () => {
    world.outside.faults = [fault('books')]
    alter({ oid: 5 })
    expect(named(await look())).toEqual([
      ['publication-altered', 3],
      ['source-unfit', 3],
    ])
  })
})

describe('the slot', () => {
  const slot = { active: true, walStatus: 'reserved', walBytes: 512 }
  const written = ({ fingerprint }: ViewState) => decodeFingerprint(fingerprint!).slotState

  test('is written down now and then, and is no doubt', async () => {
    world.outside.slot = slot
    const first = await look()
    expect(written(first)).toEqual({ ...slot, atMs: world.clock.wallMs() })
    world.outside.slot = { ...slot, active: false, walBytes: 4_096 }
    await world.clock.advance(29_999)
    expect(await look()).toEqual(first)
    await world.clock.advance(1)
    const second = await look()
    expect(written(second)).toMatchObject({ active: false, walBytes: 4_096 })
    expect(second.doubts).toEqual([])
    expect(world.recorded.lines).toEqual([])
    world.outside.slot = undefined
    await world.clock.advance(30_000)
    expect(written(await look())).toBeUndefined()
  })

  test('stays written down when something else is altered, which is a doubt', async () => {
    world.outside.slot = slot
    await look()
    alter({ oid: 5 })
    const state = await look()
    expect(written(state)).toMatchObject(slot)
    expect(named(state)).toEqual([['publication-altered', 3]])
  })

  test('whose log is about to be removed is told of once', async () => {
    for (const walStatus of ['extended', 'unreserved', 'unreserved', 'lost']) {
      world.outside.slot = { ...slot, walStatus }
      await look()
      await world.clock.advance(30_000)
    }
    expect(world.recorded.lines).toMatchObject([
      { level: 'warn', walStatus: 'unreserved', hint: expect.stringContaining('max_slot') },
      { level: 'warn', walStatus: 'lost' },
    ])
  })
})

describe('a source whose log ends before the watermark', () => {
  beforeEach(async () => {
    world.stand(10)
    world.outside.lsn = 5_000n
    const lsn = lsnFromInteger(5_000n)
    const barrier = world.barrier(2, 10, { lsn })
    const { epoch } = await world.state()
    expect(await world.store.coordination.advance(epoch, barrier, 0)).toBe(true)
  })

  test('is in doubt, and the log is to be continued from a new barrier', async () => {
    world.outside.lsn = 4_999n
    const { doubts } = await look()
    expect(doubts).toMatchObject([
      {
        name: 'source-replaced',
        barrier: 3,
        tables: [],
        reason: expect.stringMatching(/ends at 0\/1387 .* at 0\/1388/),
        restart: { how: 'forward', partitions: [] },
      },
    ])
    expect((await look()).doubts).toEqual(doubts)
  })

  test('is not while it ends there or behind it', async () => {
    expect((await look()).doubts).toEqual([])
    world.outside.lsn = 5_001n
    expect((await look()).doubts).toEqual([])
  })

  test('is doubted for its other history alone where that is another', async () => {
    world.outside.lsn = 4_000n
    world.outside.history = '7/2'
    expect((await look()).doubts).toMatchObject([
      { name: 'source-replaced', reason: expect.stringContaining('another history') },
    ])
  })
})

describe('while something can not be asked', () => {
  const away = new MillraceError('connect-unavailable', 'x')
  const refused = () => Promise.reject(away)
  const topic = 't.public.books'
  const alterTopic = () => {
    const { topics } = world.outside
    world.outside.topics = { ...topics, [topic]: { ...topics[topic]!, id: 'another' } }
  }
  const alterConnector = () => {
    world.outside.settings = { ...world.outside.settings, heartbeat: '1' }
  }

  test('that alone is no doubt, and nothing is written down', async () => {
    const before = await world.state()
    for (const ask of ['source', 'connect', 'admin'] as const) {
      const restore = takeAway(ask)
      await expect(look()).rejects.toBe(away)
      restore()
    }
    expect(await world.state()).toEqual(before)
  })

  test.each([
    ['source and topics are, while Connect is away,', 'connect', 'connector-altered'],
    ['Connect and topics are, while the source is away,', 'source', 'publication-altered'],
    ['source and Connect are, while the brokers are away,', 'admin', `another-log ${topic}`],
  ] as const)('%s compared, and the rest when it is back', async (_, ask, late) => {
    const all = ['publication-altered', 'connector-altered', `another-log ${topic}`]
    const restore = takeAway(ask)
    alter({ oid: 5 })
    alterTopic()
    alterConnector()
    await expect(look()).rejects.toBe(away)
    const names = (state: ViewState) => named(state).map(([name]) => name)
    expect(names(await world.state())).toEqual(all.filter((name) => name !== late))
    restore()
    expect(new Set(names(await look()))).toEqual(new Set(all))
    expect((await world.state()).fingerprint).toBe(await world.fingerprint())
  })

  test('faults are asked for as soon as they can be', async () => {
    await look()
    const restore = takeAway('connect')
    alter({ oid: 5 })
    world.outside.faults = [fault('books')]
    await expect(look()).rejects.toBe(away)
    await expect(look()).rejects.toBe(away)
    expect(codes(await world.state())).toEqual(['publication-altered'])
    restore()
    expect(codes(await look())).toEqual(['publication-altered', 'source-unfit'])
  })

  test('faults that can not be asked for keep no doubt back, and end none', async () => {
    world.outside.faults = [fault('books')]
    await look()
    world.outside.connect.version = refused
    world.outside.faults = []
    alter({ oid: 5 })
    await expect(look()).rejects.toBe(away)
    expect(codes(await world.state())).toEqual(['publication-altered', 'source-unfit'])
  })

  test('a doubt that the set-up does not fit is raised again, so that no lap ends it', async () => {
    world.outside.faults = [fault('books')]
    const [before] = (await look()).doubts
    world.outside.connect.version = refused
    await world.publish(world.barrier(7, 10))
    await expect(look()).rejects.toBe(away)
    const [after] = (await world.state()).doubts
    expect(after!.barrier).toBeGreaterThan(7)
    expect(after).toEqual({ ...before, id: after!.id, barrier: after!.barrier })
    expect(world.said.filter((msg) => msg === 'doubt raised')).toHaveLength(1)
  })

  test('a view whose set-up was never looked at is not begun with a part of it', async () => {
    world.data.state = { ...world.data.state!, fingerprint: undefined }
    takeAway('connect')
    await expect(look()).rejects.toBe(away)
    expect((await world.state()).fingerprint).toBeUndefined()
  })

  test('a bug is none of that', async () => {
    world.outside.connect.settings = () => Promise.reject(new TypeError('a bug'))
    await expect(look()).rejects.toThrow('a bug')
  })

  /** One of those that are asked, until it is given back. */
  function takeAway(ask: 'source' | 'connect' | 'admin'): () => void {
    const { source, connect, admin } = world.outside
    const before = [source.moment, connect.settings, admin.describe] as const
    if (ask === 'source') source.moment = refused
    else if (ask === 'connect') connect.settings = refused
    else admin.describe = refused
    return () => {
      ;[source.moment, connect.settings, admin.describe] = before
    }
  }
})

test('a source that was put back is noticed whatever else is doubted', async () => {
  const { epoch } = await world.raise(aDoubt('x'))
  const ahead = world.barrier(2, 10, { lsn: lsnFromInteger(world.outside.lsn + 1_000n) })
  await world.store.coordination.advance(epoch, ahead, 0)
  expect(named(await look()).map(([name]) => name)).toEqual(['x', 'source-replaced'])
  expect(named(await look()).map(([name]) => name)).toEqual(['x', 'source-replaced'])
})

test('a set-up that is as it was is not written down again', async () => {
  await look()
  let written = 0
  world.store.coordination.observe = async () => {
    written += 1
    return true
  }
  await look()
  expect(written).toBe(0)
})
